import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { generateKeyPair, preparePublicKey } from "./key-pair.js";
import { noblePrimitives } from "./noble-primitives.js";
import { nodePrimitives } from "./node-primitives.js";
import { MAX_OVERHEAD_BYTES } from "./overhead.js";
import { MAX_CHUNK_BYTES, type Padding } from "./record.js";
import { openRequest, type RequestOpener, type RequestSealer, sealRequest } from "./sealed-request.js";

const BOTH = [nodePrimitives, noblePrimitives] as const;
const binding = { requestId: "req_1", attemptId: "att_1" };
const keyPair = generateKeyPair();
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const code = (expected: string): unknown => expect.objectContaining({ name: "E2eError", code: expected });

function connect(padding: Padding = "buckets"): { sealer: RequestSealer; opener: RequestOpener } {
  const sealer = sealRequest({ publicKey: keyPair.publicKey, binding, padding });
  const opener = openRequest({ keyPair, encapsulatedKey: sealer.encapsulatedKey, binding, padding });
  return { sealer, opener };
}

const bodies = fc.array(fc.uint8Array({ maxLength: 1500 }), { minLength: 1, maxLength: 5 });
const paddings = fc.constantFrom<Padding>("buckets", "none");

describe.each(BOTH.flatMap((coordinator) => BOTH.map((provider) => ({ coordinator, provider }))))(
  "a sealed exchange from $coordinator.name to $provider.name primitives",
  ({ coordinator, provider }) => {
    it("returns every chunk both ways, for any chunking and padding", () => {
      const keys = generateKeyPair(provider);
      const publicKey = preparePublicKey(keys.publicKey, coordinator);
      const exchange = fc.record({ request: bodies, response: bodies, out: paddings, back: paddings });
      fc.assert(
        fc.property(exchange, fc.nat(20), ({ request, response, out, back }, headroom) => {
          const sealer = sealRequest({ publicKey, binding, primitives: coordinator, padding: out });
          const { encapsulatedKey } = sealer;
          const opener = openRequest({ keyPair: keys, encapsulatedKey, binding, primitives: provider, padding: back });
          for (const [seq, chunk] of request.entries()) {
            const final = seq === request.length - 1;
            const sealed = sealer.seal(chunk, final, headroom);
            expect(opener.finished).toBe(false);
            expect(opener.open(sealed.subarray(headroom), seq, final)).toEqual(chunk);
          }
          expect(opener.finished).toBe(true);
          for (const [seq, chunk] of response.entries()) {
            const final = seq === response.length - 1;
            expect(opener.response.nextSeq).toBe(seq);
            const sealed = opener.response.seal(chunk, final, headroom);
            expect(sealer.response.finished).toBe(false);
            expect(sealer.response.open(sealed.subarray(headroom), seq, final)).toEqual(chunk);
          }
          expect(sealer.response.finished).toBe(true);
        }),
        { numRuns: 20 },
      );
    });
  },
);

describe("sealing", () => {
  it("leaves the headroom zero, in the first chunk and the later ones, both ways", () => {
    const { sealer, opener } = connect();
    for (const seal of [sealer.seal, opener.response.seal.bind(opener.response)]) {
      for (const final of [false, false, true]) {
        const sealed = seal(text("x"), final, 10);
        expect([...sealed.subarray(0, 10)]).toEqual(new Array(10).fill(0));
        expect(sealed.subarray(10).some((byte) => byte !== 0)).toBe(true);
      }
    }
  });

  it("makes chunks of bucket size plus a tag, and the first response chunk 32 bytes longer", () => {
    const { sealer, opener } = connect();
    expect(sealer.seal(text("x"), false)).toHaveLength(64 + 16);
    expect(sealer.seal(new Uint8Array(16_384), true)).toHaveLength(16_896 + 16);
    expect(opener.response.seal(text("x"), false)).toHaveLength(32 + 64 + 16);
    expect(opener.response.seal(text("x"), true)).toHaveLength(64 + 16);
  });

  it("hides the length within a bucket by default", () => {
    const { sealer } = connect();
    const sizes = ["", "a", "The capital of France is Paris."].map((answer) => sealer.seal(text(answer), false).length);
    expect(new Set(sizes).size).toBe(1);
  });

  it("never adds more than the stated overhead", () => {
    fc.assert(
      fc.property(fc.nat(2000), paddings, (length, padding) => {
        const { opener } = connect(padding);
        const sealed = opener.response.seal(new Uint8Array(length), false);
        expect(sealed.length - length).toBeLessThanOrEqual(MAX_OVERHEAD_BYTES);
      }),
    );
    expect(connect().opener.response.seal(new Uint8Array(508), true)).toHaveLength(508 + MAX_OVERHEAD_BYTES);
  });

  it("leaves no plaintext in the ciphertext and does not write to the plaintext", () => {
    const { sealer } = connect("none");
    const secret = text("a private prompt that nobody may read");
    const before = Uint8Array.from(secret);
    const sealed = Buffer.from(sealer.seal(secret, true));
    expect(sealed.includes("private")).toBe(false);
    expect(secret).toEqual(before);
  });

  it("refuses a headroom that is no whole number of bytes, on the first response chunk too", () => {
    const { sealer, opener } = connect();
    for (const headroom of [-1, -32, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => sealer.seal(text("x"), false, headroom)).toThrow(code("invalid_argument"));
      expect(() => opener.response.seal(text("x"), false, headroom)).toThrow(code("invalid_argument"));
    }
    // A refused call spends no sequence number.
    expect(opener.open(sealer.seal(text("x"), true), 0, true)).toEqual(text("x"));
    expect(sealer.response.open(opener.response.seal(text("y"), true), 0, true)).toEqual(text("y"));
  });

  it("refuses a chunk over the limit", () => {
    const { sealer, opener } = connect();
    const huge = new Uint8Array(MAX_CHUNK_BYTES + 1);
    expect(() => sealer.seal(huge, true)).toThrow(code("too_large"));
    expect(() => opener.open(new Uint8Array(MAX_CHUNK_BYTES + 1024), 0, false)).toThrow(code("too_large"));
  });

  it("refuses to go on after the final chunk", () => {
    const { sealer, opener } = connect();
    const last = sealer.seal(text("x"), true);
    expect(() => sealer.seal(text("y"), true)).toThrow(code("already_finished"));
    opener.open(last, 0, true);
    expect(() => opener.open(last, 0, true)).toThrow(code("already_finished"));
    expect(opener.finished).toBe(true);
    opener.response.seal(text("z"), true);
    expect(() => opener.response.seal(text("z"), false)).toThrow(code("already_finished"));
  });
});

describe("an attempt", () => {
  it("has keys of its own: the same body to the same provider never looks the same", () => {
    const [first, second] = [connect(), connect()];
    expect(first.sealer.encapsulatedKey).not.toEqual(second.sealer.encapsulatedKey);
    expect(first.sealer.seal(text("x"), true)).not.toEqual(second.sealer.seal(text("x"), true));
  });

  it("answered twice uses a key and nonce once: two answers to a replayed request differ in every chunk", () => {
    const sealer = sealRequest({ publicKey: keyPair.publicKey, binding });
    const { encapsulatedKey } = sealer;
    const [once, twice] = [0, 1].map(() => openRequest({ keyPair, encapsulatedKey, binding }));
    const [a, b] = [once!, twice!].map(({ response }) => [
      response.seal(text("same"), false),
      response.seal(text("same"), true),
    ]);
    expect(a![0]!.subarray(0, 32)).not.toEqual(b![0]!.subarray(0, 32));
    expect(a![0]!.subarray(32)).not.toEqual(b![0]!.subarray(32));
    expect(a![1]).not.toEqual(b![1]);
    expect(sealer.response.open(a![0]!, 0, false)).toEqual(text("same"));
    expect(() => sealer.response.open(b![1]!, 1, true)).toThrow(code("open_failed"));
  });

  it("can be answered before its request was read", () => {
    const { sealer, opener } = connect();
    expect(sealer.response.open(opener.response.seal(text("busy"), true), 0, true)).toEqual(text("busy"));
  });

  it("reads a request in either padding, whatever the response uses", () => {
    const sealer = sealRequest({ publicKey: keyPair.publicKey, binding, padding: "none" });
    const opener = openRequest({ keyPair, encapsulatedKey: sealer.encapsulatedKey, binding, padding: "buckets" });
    expect(opener.open(sealer.seal(text("x"), true), 0, true)).toEqual(text("x"));
  });

  it("does not depend on the caller's copy of the encapsulated key", () => {
    const sealer = sealRequest({ publicKey: keyPair.publicKey, binding });
    const received = Uint8Array.from(sealer.encapsulatedKey);
    const opener = openRequest({ keyPair, encapsulatedKey: received, binding });
    received.fill(0);
    expect(sealer.response.open(opener.response.seal(text("x"), true), 0, true)).toEqual(text("x"));
  });
});

describe.each(BOTH)("bad keys on $name primitives", (primitives) => {
  it("are refused by the sender: wrong length, all zero, low order", () => {
    for (const publicKey of [new Uint8Array(31), new Uint8Array(33), new Uint8Array(32), lowOrderPoint()]) {
      expect(() => sealRequest({ publicKey, binding, primitives })).toThrow(code("invalid_key"));
    }
  });

  it("are refused by the receiver as an encapsulated key", () => {
    const keys = generateKeyPair(primitives);
    for (const encapsulatedKey of [new Uint8Array(0), new Uint8Array(31), new Uint8Array(32), lowOrderPoint()]) {
      expect(() => openRequest({ keyPair: keys, encapsulatedKey, binding, primitives })).toThrow(code("invalid_key"));
    }
  });

  it("open nothing when they are another provider's, or erased", () => {
    const [meant, other] = [generateKeyPair(primitives), generateKeyPair(primitives)];
    const sealer = sealRequest({ publicKey: meant.publicKey, binding, primitives });
    const { encapsulatedKey } = sealer;
    const sealed = sealer.seal(text("x"), true);
    const opener = openRequest({ keyPair: other, encapsulatedKey, binding, primitives });
    expect(() => opener.open(sealed, 0, true)).toThrow(code("open_failed"));
    meant.privateKey.erase();
    expect(() => openRequest({ keyPair: meant, encapsulatedKey, binding, primitives })).toThrow(code("key_erased"));
  });
});

/** A point of order 8 (RFC 7748 §6.1 leaves the refusal to the caller). */
function lowOrderPoint(): Uint8Array {
  return Uint8Array.from(Buffer.from("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800", "hex"));
}
