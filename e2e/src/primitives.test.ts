import { createPublicKey, generateKeyPairSync, webcrypto } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { noblePrimitives } from "./noble-primitives.js";
import { nodePrimitives } from "./node-primitives.js";
import { type Primitives, TAG_BYTES } from "./primitives.js";

const BOTH = [nodePrimitives, noblePrimitives] as const;
const PAIRS = BOTH.flatMap((left) => BOTH.map((right) => ({ left, right })));

const byteArray = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });

function encrypt(
  primitives: Primitives,
  { key, nonce, aad, plaintext }: Record<"key" | "nonce" | "aad" | "plaintext", Uint8Array>,
): Uint8Array {
  const buffer = new Uint8Array(plaintext.length + TAG_BYTES);
  buffer.set(plaintext);
  primitives.encryptInPlace(key, nonce, aad, buffer);
  return buffer;
}

const aeadCase = fc.record({
  key: byteArray(32),
  nonce: byteArray(12),
  aad: fc.uint8Array({ maxLength: 100 }),
  plaintext: fc.uint8Array({ maxLength: 700 }),
});

describe.each(BOTH)("$name primitives", (primitives) => {
  it("refuse keys that have not 32 bytes", () => {
    for (const length of [0, 31, 33, 64]) {
      expect(() => primitives.preparePublicKey(new Uint8Array(length))).toThrow(
        expect.objectContaining({ code: "invalid_key" }),
      );
      expect(() => primitives.importPrivateKey(new Uint8Array(length))).toThrow(
        expect.objectContaining({ code: "invalid_key" }),
      );
    }
  });

  it("refuse a low-order public key when agreeing", () => {
    const own = primitives.generatePrivateKey();
    for (const first of [0, 1]) {
      const lowOrder = new Uint8Array(32);
      lowOrder[0] = first;
      expect(() => own.agree(primitives.preparePublicKey(lowOrder))).toThrow(
        expect.objectContaining({ code: "invalid_key" }),
      );
    }
  });

  it("refuse to use an erased key", () => {
    const own = primitives.generatePrivateKey();
    const peer = primitives.preparePublicKey(primitives.generatePrivateKey().publicKey);
    expect(own.agree(peer)).toHaveLength(32);
    own.erase();
    own.erase();
    expect(() => own.agree(peer)).toThrow(expect.objectContaining({ code: "key_erased" }));
  });

  it("keep no reference to the bytes of a key they are given", () => {
    const raw = Uint8Array.from(primitives.generatePrivateKey().publicKey);
    const secret = new Uint8Array(32).fill(7);
    const [peer, own] = [primitives.preparePublicKey(raw), primitives.importPrivateKey(secret)];
    const before = own.agree(peer);
    raw.fill(9);
    secret.fill(9);
    expect(own.agree(peer)).toEqual(before);
    expect(peer.bytes).not.toEqual(raw);
  });

  it("refuse AEAD keys and nonces of other sizes", () => {
    for (const [keyBytes, nonceBytes] of [
      [31, 12],
      [32, 11],
      [32, 13],
      [32, 8],
    ] as const) {
      const [key, nonce, none] = [new Uint8Array(keyBytes), new Uint8Array(nonceBytes), new Uint8Array(0)];
      const refusal = expect.objectContaining({ code: "invalid_argument" });
      expect(() => primitives.encryptInPlace(key, nonce, none, new Uint8Array(20))).toThrow(refusal);
      expect(() => primitives.decrypt(key, nonce, none, new Uint8Array(20))).toThrow(refusal);
    }
  });

  it("find ciphertexts that are too short to hold a tag not authentic", () => {
    for (let length = 0; length < TAG_BYTES; length++) {
      const opened = primitives.decrypt(
        new Uint8Array(32),
        new Uint8Array(12),
        new Uint8Array(0),
        new Uint8Array(length),
      );
      expect(opened).toBeUndefined();
    }
  });

  it("encrypt in place at any offset of a larger array and touch nothing around it", () => {
    fc.assert(
      fc.property(aeadCase, fc.nat(13), (input, offset) => {
        const whole = new Uint8Array(offset + input.plaintext.length + TAG_BYTES + 5).fill(0xaa);
        whole.set(input.plaintext, offset);
        const end = offset + input.plaintext.length + TAG_BYTES;
        primitives.encryptInPlace(input.key, input.nonce, input.aad, whole.subarray(offset, end));
        expect(whole.slice(offset, end)).toEqual(encrypt(primitives, input));
        expect(whole.slice(0, offset).every((byte) => byte === 0xaa)).toBe(true);
        expect(whole.slice(end).every((byte) => byte === 0xaa)).toBe(true);
      }),
    );
  });

  it("give fresh random bytes and keys", () => {
    expect(primitives.randomBytes(32)).not.toEqual(primitives.randomBytes(32));
    expect(primitives.generatePrivateKey().publicKey).not.toEqual(primitives.generatePrivateKey().publicKey);
  });
});

describe("both primitive sets", () => {
  it.each(PAIRS)("agree on a shared secret ($left.name with $right.name)", ({ left, right }) => {
    const [a, b] = [left.generatePrivateKey(), right.generatePrivateKey()];
    // A key prepared by either set serves both.
    const secret = Buffer.from(a.agree(right.preparePublicKey(b.publicKey)));
    expect(secret.equals(b.agree(left.preparePublicKey(a.publicKey)))).toBe(true);
    expect(secret.equals(a.agree(left.preparePublicKey(b.publicKey)))).toBe(true);
  });

  it("compute the same digests, MACs and ciphertexts", () => {
    fc.assert(
      fc.property(aeadCase, (input) => {
        const { key, aad, plaintext } = input;
        const same = (compute: (primitives: Primitives) => Uint8Array): void =>
          expect(Buffer.from(compute(nodePrimitives)).equals(compute(noblePrimitives))).toBe(true);
        same((primitives) => primitives.sha256(plaintext));
        same((primitives) => primitives.hmacSha256(aad, plaintext, key));
        same((primitives) => encrypt(primitives, input));
      }),
    );
  });

  it.each(PAIRS)("open what the other encrypted, unless a bit differs ($left.name to $right.name)", (pair) => {
    fc.assert(
      fc.property(aeadCase, fc.nat(), (input, position) => {
        const sealed = encrypt(pair.left, input);
        const opened = pair.right.decrypt(input.key, input.nonce, input.aad, sealed);
        expect(Buffer.from(opened!).equals(input.plaintext)).toBe(true);
        const bit = position % (sealed.length * 8);
        sealed[bit >>> 3]! ^= 1 << (bit & 7);
        expect(pair.right.decrypt(input.key, input.nonce, input.aad, sealed)).toBeUndefined();
      }),
    );
  });
});

describe("node primitives", () => {
  it("never export a generated key, because Node may block for good when it is collected meanwhile", () => {
    const { publicKey, privateKey } = generateKeyPairSync("x25519");
    const exports = [publicKey, privateKey].map((key) => vi.spyOn(Object.getPrototypeOf(key), "export"));
    try {
      const generated = nodePrimitives.generatePrivateKey();
      expect(generated.publicKey).toHaveLength(32);
      for (const spy of exports) expect(spy).not.toHaveBeenCalled();
      createPublicKey(privateKey).export({ format: "jwk" });
      expect(exports[0]).toHaveBeenCalled();
    } finally {
      for (const spy of exports) spy.mockRestore();
    }
  });
});

describe("noble primitives", () => {
  it("overwrite the bytes of an erased key", () => {
    const random = vi.spyOn(globalThis.crypto, "getRandomValues");
    try {
      const own = noblePrimitives.generatePrivateKey();
      const seed = random.mock.results[0]?.value as Uint8Array;
      const publicKey = noblePrimitives.importPrivateKey(seed).publicKey;
      expect(publicKey).toEqual(own.publicKey);
      own.erase();
      expect(seed.every((byte) => byte === 0)).toBe(true);
    } finally {
      random.mockRestore();
    }
    expect(globalThis.crypto).toBe(webcrypto);
  });
});
