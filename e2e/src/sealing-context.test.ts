import { Chacha20Poly1305 } from "@hpke/chacha20poly1305";
import { CipherSuite, HkdfSha256 } from "@hpke/core";
import { DhkemX25519HkdfSha256 } from "@hpke/dhkem-x25519";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { generateKeyPair } from "./key-pair.js";
import { noblePrimitives } from "./noble-primitives.js";
import { nodePrimitives } from "./node-primitives.js";
import type { Primitives } from "./primitives.js";
import {
  createOpeningContext,
  createSealingContext,
  MAX_ATTEMPTS_PER_CONTEXT,
  type OpeningContext,
  type SealingContext,
} from "./sealing-context.js";

const BOTH = [nodePrimitives, noblePrimitives] as const;
const bytes = (value: string): Uint8Array => Uint8Array.from(Buffer.from(value));
const code = (expected: string): unknown => expect.objectContaining({ name: "E2eError", code: expected });
const bindingOf = (attemptId: string, requestId = "req_1") => ({ requestId, attemptId });

interface Pair {
  readonly sealing: SealingContext;
  readonly opening: OpeningContext;
}

function connect(coordinator: Primitives = nodePrimitives, provider: Primitives = nodePrimitives): Pair {
  const keyPair = generateKeyPair(provider);
  const sealing = createSealingContext(keyPair.publicKey, { primitives: coordinator });
  const opening = createOpeningContext(keyPair, sealing.encapsulatedKey, { primitives: provider });
  return { sealing, opening };
}

/** Counts the X25519 operations that go through it. */
function countingAgreements(): { primitives: Primitives; count: () => number } {
  let agreements = 0;
  const counted = (handle: ReturnType<Primitives["generatePrivateKey"]>) => ({
    publicKey: handle.publicKey,
    agree: (peer: Parameters<typeof handle.agree>[0]) => {
      agreements += 1;
      return handle.agree(peer);
    },
    erase: () => handle.erase(),
  });
  const primitives: Primitives = {
    ...nodePrimitives,
    generatePrivateKey: () => counted(nodePrimitives.generatePrivateKey()),
  };
  return { primitives, count: () => agreements };
}

describe.each(BOTH.flatMap((coordinator) => BOTH.map((provider) => ({ coordinator, provider }))))(
  "a context from $coordinator.name to $provider.name primitives",
  ({ coordinator, provider }) => {
    it("carries many attempts, both ways, in any order, each with its own keys", () => {
      const { sealing, opening } = connect(coordinator, provider);
      const sealers = ["a", "b", "c"].map((id) => ({ id, sealer: sealing.attempt(bindingOf(id)) }));
      const sealed = sealers.map(({ id, sealer }) => ({ id, sealer, chunk: sealer.seal(bytes("one body"), true) }));
      expect(new Set(sealed.map(({ chunk }) => Buffer.from(chunk).toString("hex"))).size).toBe(3);
      for (const { id, sealer, chunk } of sealed.reverse()) {
        const attempt = opening.attempt(bindingOf(id));
        expect(attempt.open(chunk, 0, true)).toEqual(bytes("one body"));
        expect(attempt.finished).toBe(true);
        expect(sealer.response.open(attempt.response.seal(bytes("say"), false, 0, 2), 0, false, 2)).toEqual(
          bytes("say"),
        );
        expect(sealer.response.open(attempt.response.seal(bytes("end"), true, 0, 4), 1, true, 4)).toEqual(bytes("end"));
      }
    });
  },
);

describe("a sealing context", () => {
  it("does the X25519 work once, however many attempts there are", () => {
    const { primitives, count } = countingAgreements();
    const sealing = createSealingContext(generateKeyPair().publicKey, { primitives });
    for (let n = 0; n < 100; n++) sealing.attempt(bindingOf(`att_${n}`)).seal(bytes("x"), true);
    expect(count()).toBe(1);
  });

  it("refuses an attempt id that it has had, at both ends, whatever the request", () => {
    const { sealing, opening } = connect();
    sealing.attempt(bindingOf("a"));
    opening.attempt(bindingOf("a"));
    for (const end of [sealing, opening]) {
      expect(() => end.attempt(bindingOf("a"))).toThrow(code("attempt_repeated"));
      expect(() => end.attempt(bindingOf("a", "req_2"))).toThrow(code("attempt_repeated"));
    }
  });

  it("takes a bounded number of attempts", () => {
    const { sealing } = connect();
    for (let n = 0; n < MAX_ATTEMPTS_PER_CONTEXT; n++) {
      expect(sealing.spent).toBe(false);
      sealing.attempt(bindingOf(`${n}`));
    }
    expect(sealing.spent).toBe(true);
    expect(() => sealing.attempt(bindingOf("one more"))).toThrow(code("context_retired"));
  });

  it("gives nobody keys once it is retired, while attempts that have begun go on to their end", () => {
    const { sealing, opening } = connect();
    const sealer = sealing.attempt(bindingOf("a"));
    const opener = opening.attempt(bindingOf("a"));
    sealing[Symbol.dispose]();
    opening[Symbol.dispose]();
    for (const end of [sealing, opening]) expect(() => end.attempt(bindingOf("b"))).toThrow(code("context_retired"));
    expect(sealing.spent).toBe(true);
    expect(opener.open(sealer.seal(bytes("body"), true), 0, true)).toEqual(bytes("body"));
    for (const [seq, text] of ["first", "second", "last"].entries()) {
      const sealed = opener.response.seal(bytes(text), text === "last");
      expect(sealer.response.open(sealed, seq, text === "last")).toEqual(bytes(text));
    }
    expect(sealer.response.finished).toBe(true);
  });

  it("opens nothing under another attempt, request or context", () => {
    const keyPair = generateKeyPair();
    const sealing = createSealingContext(keyPair.publicKey);
    const chunk = sealing.attempt(bindingOf("a")).seal(bytes("body"), true);
    const fresh = (): OpeningContext => createOpeningContext(keyPair, sealing.encapsulatedKey);
    expect(fresh().attempt(bindingOf("a")).open(chunk, 0, true)).toEqual(bytes("body"));
    for (const binding of [bindingOf("b"), bindingOf("a", "req_2")]) {
      expect(() => fresh().attempt(binding).open(chunk, 0, true)).toThrow(code("open_failed"));
    }
    const other = createSealingContext(keyPair.publicKey);
    const elsewhere = createOpeningContext(keyPair, other.encapsulatedKey).attempt(bindingOf("a"));
    expect(() => elsewhere.open(chunk, 0, true)).toThrow(code("open_failed"));
  });

  it("answers an attempt that is opened twice, by two owners of the key, under two keys", () => {
    const keyPair = generateKeyPair();
    const sealing = createSealingContext(keyPair.publicKey);
    const chunk = sealing.attempt(bindingOf("a")).seal(bytes("body"), true);
    const answers = [1, 2].map(() => {
      const attempt = createOpeningContext(keyPair, sealing.encapsulatedKey).attempt(bindingOf("a"));
      attempt.open(chunk, 0, true);
      return attempt.response.seal(bytes("the same answer"), true);
    });
    expect(answers[0]?.subarray(32)).not.toEqual(answers[1]?.subarray(32));
  });

  it("binds what the sender says of a chunk: any other mark ends the stream", () => {
    fc.assert(
      fc.property(fc.nat(127), fc.nat(127), fc.boolean(), (mark, told, final) => {
        const { sealing, opening } = connect();
        const sealer = sealing.attempt(bindingOf("a"));
        const chunk = opening.attempt(bindingOf("a")).response.seal(bytes("x"), final, 0, mark);
        if (told === mark) expect(sealer.response.open(chunk, 0, final, told)).toEqual(bytes("x"));
        else expect(() => sealer.response.open(chunk, 0, final, told)).toThrow(code("open_failed"));
      }),
      { numRuns: 50 },
    );
  });

  it.each([-1, 128, 0.5, Number.NaN])("refuses %d as a mark, at both ends", (mark) => {
    const { sealing, opening } = connect();
    const sealer = sealing.attempt(bindingOf("a"));
    const { response } = opening.attempt(bindingOf("a"));
    expect(() => response.seal(bytes("x"), false, 0, mark)).toThrow(code("invalid_argument"));
    const chunk = response.seal(bytes("x"), false, 0, 0);
    expect(() => sealer.response.open(chunk, 0, false, mark)).toThrow(code("open_failed"));
  });

  it("refuses keys of low order at both ends", () => {
    const zero = new Uint8Array(32);
    expect(() => createSealingContext(zero)).toThrow(code("invalid_key"));
    expect(() => createOpeningContext(generateKeyPair(), zero)).toThrow(code("invalid_key"));
  });
});

// The construction of README.md written a second time, over @hpke/core and WebCrypto, sharing no code with this package.
describe.each(BOTH)("$name primitives and an independent implementation of contexts", (primitives) => {
  const suite = new CipherSuite({
    kem: new DhkemX25519HkdfSha256(),
    kdf: new HkdfSha256(),
    aead: new Chacha20Poly1305(),
  });
  const exact = (data: Uint8Array): ArrayBuffer => Uint8Array.from(data).buffer;
  const ascii = (text: string): ArrayBuffer => exact(Buffer.from(text));
  const info = ascii("hearth/e2e/2 context");
  const ids = Buffer.from("\x00\x05req_1\x00\x01a", "latin1");
  const label = (name: string): ArrayBuffer => exact(Buffer.concat([Buffer.from(`hearth/e2e/2 ${name}`), ids]));
  const aad = (direction: 1 | 2, seq: number, flags: number): ArrayBuffer =>
    exact(Buffer.concat([ids, Buffer.from([direction, 0, 0, 0, seq, flags])]));
  const nonce = (base: Uint8Array, seq: number): ArrayBuffer => {
    const out = Buffer.from(base);
    out[11] = (out[11] ?? 0) ^ seq;
    return exact(out);
  };

  it("read each other", async () => {
    const keyPair = generateKeyPair(primitives);
    const recipientPublicKey = await suite.kem.deserializePublicKey(exact(keyPair.publicKey));
    const sender = await suite.createSenderContext({ recipientPublicKey, info });
    const opening = createOpeningContext(keyPair, new Uint8Array(sender.enc), { primitives, padding: "none" });
    const attempt = opening.attempt(bindingOf("a"));

    const keys = new Uint8Array(await sender.export(label("request"), 44));
    const request = new Chacha20Poly1305().createEncryptionContext(exact(keys.subarray(0, 32)));
    for (const [seq, text] of ["first", "second"].entries()) {
      const record = exact(Uint8Array.of(1, ...bytes(text)));
      const sealed = await request.seal(nonce(keys.subarray(32), seq), record, aad(1, seq, seq));
      expect(attempt.open(new Uint8Array(sealed), seq, seq === 1)).toEqual(bytes(text));
    }

    const first = attempt.response.seal(bytes("hello"), false, 0, 2);
    const salt = exact(Buffer.concat([Buffer.from(sender.enc), first.subarray(0, 32)]));
    const secret = await sender.export(label("response"), 32);
    const material = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
    const derive = (name: string, length: number): Promise<ArrayBuffer> =>
      crypto.subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt, info: ascii(name) }, material, length * 8);
    const response = new Chacha20Poly1305().createEncryptionContext(await derive("key", 32));
    const base = new Uint8Array(await derive("nonce", 12));
    const opened = await response.open(nonce(base, 0), exact(first.subarray(32)), aad(2, 0, 4));
    expect(new Uint8Array(opened)).toEqual(Uint8Array.of(1, ...bytes("hello")));
    const last = attempt.response.seal(bytes("bye"), true, 0, 1);
    const end = await response.open(nonce(base, 1), exact(last), aad(2, 1, 3));
    expect(new Uint8Array(end)).toEqual(Uint8Array.of(1, ...bytes("bye")));
  });
});
