import { readFileSync } from "node:fs";
import { Chacha20Poly1305 } from "@hpke/chacha20poly1305";
import { CipherSuite, HkdfSha256 } from "@hpke/core";
import { DhkemX25519HkdfSha256 } from "@hpke/dhkem-x25519";
import { describe, expect, it } from "vitest";
import { decapsulate, encapsulate, exportSecret, type HpkeContext, keySchedule, keyScheduleContext } from "./hpke.js";
import { noblePrimitives } from "./noble-primitives.js";
import { nodePrimitives } from "./node-primitives.js";
import { NonceSequence } from "./nonce-sequence.js";
import { type PrivateKeyHandle, TAG_BYTES } from "./primitives.js";

interface Vectors {
  readonly info: string;
  readonly ikmE: string;
  readonly skEm: string;
  readonly pkEm: string;
  readonly ikmR: string;
  readonly skRm: string;
  readonly pkRm: string;
  readonly enc: string;
  readonly sharedSecret: string;
  readonly keyScheduleContext: string;
  readonly key: string;
  readonly baseNonce: string;
  readonly exporterSecret: string;
  readonly encryptions: readonly { seq: number; pt: string; aad: string; nonce: string; ct: string }[];
  readonly exports: readonly { context: string; length: number; value: string }[];
}

const vectors = JSON.parse(
  readFileSync(new URL("../vectors/rfc9180-a2-base.json", import.meta.url), "utf8"),
) as Vectors;

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));
const hex = (data: Uint8Array | ArrayBuffer): string => Buffer.from(data as Uint8Array).toString("hex");

describe.each([nodePrimitives, noblePrimitives])("HPKE on $name primitives reproduces RFC 9180 A.2.1", (primitives) => {
  const receive = (): HpkeContext => {
    const sharedSecret = decapsulate(primitives, bytes(vectors.enc), primitives.importPrivateKey(bytes(vectors.skRm)));
    return keySchedule(primitives, sharedSecret, keyScheduleContext(primitives, bytes(vectors.info)));
  };

  it("derives the public keys of both private keys", () => {
    expect(hex(primitives.importPrivateKey(bytes(vectors.skEm)).publicKey)).toBe(vectors.pkEm);
    expect(hex(primitives.importPrivateKey(bytes(vectors.skRm)).publicKey)).toBe(vectors.pkRm);
  });

  it("encapsulates and decapsulates the shared secret", () => {
    const recipient = primitives.preparePublicKey(bytes(vectors.pkRm));
    const { encapsulatedKey, sharedSecret } = encapsulate(
      primitives,
      recipient,
      primitives.importPrivateKey(bytes(vectors.skEm)),
    );
    expect(hex(encapsulatedKey)).toBe(vectors.enc);
    expect(hex(sharedSecret)).toBe(vectors.sharedSecret);
    const opened = decapsulate(primitives, encapsulatedKey, primitives.importPrivateKey(bytes(vectors.skRm)));
    expect(hex(opened)).toBe(vectors.sharedSecret);
  });

  it("schedules key, base nonce and exporter secret", () => {
    expect(hex(keyScheduleContext(primitives, bytes(vectors.info)))).toBe(vectors.keyScheduleContext);
    const context = receive();
    expect(hex(context.key)).toBe(vectors.key);
    expect(hex(context.baseNonce)).toBe(vectors.baseNonce);
    expect(hex(context.exporterSecret)).toBe(vectors.exporterSecret);
  });

  it.each(vectors.encryptions)("seals and opens message $seq", ({ seq, pt, aad, nonce, ct }) => {
    const context = receive();
    const taken = new NonceSequence(context.baseNonce, seq).take();
    expect(hex(taken)).toBe(nonce);
    const buffer = new Uint8Array(bytes(pt).length + TAG_BYTES);
    buffer.set(bytes(pt));
    primitives.encryptInPlace(context.key, taken, bytes(aad), buffer);
    expect(hex(buffer)).toBe(ct);
    expect(hex(primitives.decrypt(context.key, taken, bytes(aad), bytes(ct))!)).toBe(pt);
  });

  it.each(vectors.exports)("exports the secret for context '$context'", ({ context, length, value }) => {
    expect(hex(exportSecret(primitives, receive().exporterSecret, bytes(context), length))).toBe(value);
  });
});

describe("the KEM", () => {
  const primitives = nodePrimitives;
  const peer = primitives.preparePublicKey(primitives.generatePrivateKey().publicKey);

  function keyThatAgreesOn(secret: Uint8Array): PrivateKeyHandle & { erased: boolean } {
    return {
      publicKey: primitives.generatePrivateKey().publicKey,
      agree: () => Uint8Array.from(secret),
      erased: false,
      erase(): void {
        this.erased = true;
      },
    };
  }

  it("refuses an all-zero secret by itself, should the primitives let one pass", () => {
    const careless = keyThatAgreesOn(new Uint8Array(32));
    const refusal = expect.objectContaining({ code: "invalid_key" });
    expect(() => encapsulate(primitives, peer, careless)).toThrow(refusal);
    expect(() => decapsulate(primitives, peer.bytes, careless)).toThrow(refusal);
    const almostZero = Uint8Array.from({ length: 32 }, (_, i) => (i === 31 ? 1 : 0));
    expect(decapsulate(primitives, peer.bytes, keyThatAgreesOn(almostZero))).toHaveLength(32);
  });

  it("erases the ephemeral key when it is done with it, and when it failed", () => {
    for (const secret of [new Uint8Array(32).fill(1), new Uint8Array(32)]) {
      const ephemeral = keyThatAgreesOn(secret);
      try {
        encapsulate(primitives, peer, ephemeral);
      } catch (error) {
        expect(error).toMatchObject({ code: "invalid_key" });
      }
      expect(ephemeral.erased).toBe(true);
    }
  });
});

describe("@hpke/core, an independent implementation", () => {
  const suite = new CipherSuite({
    kem: new DhkemX25519HkdfSha256(),
    kdf: new HkdfSha256(),
    aead: new Chacha20Poly1305(),
  });

  it("reproduces the same vectors, so that the data itself is confirmed", async () => {
    const recipient = await suite.kem.deriveKeyPair(bytes(vectors.ikmR).buffer as ArrayBuffer);
    expect(hex(await suite.kem.serializePublicKey(recipient.publicKey))).toBe(vectors.pkRm);
    expect(hex(await suite.kem.serializePrivateKey(recipient.privateKey))).toBe(vectors.skRm);
    const sender = await suite.createSenderContext({
      recipientPublicKey: recipient.publicKey,
      info: bytes(vectors.info).buffer as ArrayBuffer,
      ekm: bytes(vectors.ikmE).buffer as ArrayBuffer,
    });
    expect(hex(sender.enc)).toBe(vectors.enc);
    const bySeq = new Map(vectors.encryptions.map((vector) => [vector.seq, vector]));
    for (let seq = 0; seq <= 256; seq++) {
      const vector = bySeq.get(seq);
      const sealed = await sender.seal(bytes(vector?.pt ?? ""), bytes(vector?.aad ?? ""));
      if (vector !== undefined) expect(hex(sealed)).toBe(vector.ct);
    }
    for (const { context, length, value } of vectors.exports) {
      expect(hex(await sender.export(bytes(context), length))).toBe(value);
    }
  });
});
