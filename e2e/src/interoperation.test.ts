import { Chacha20Poly1305 } from "@hpke/chacha20poly1305";
import { CipherSuite, HkdfSha256 } from "@hpke/core";
import { DhkemX25519HkdfSha256 } from "@hpke/dhkem-x25519";
import { describe, expect, it } from "vitest";
import { generateKeyPair } from "./key-pair.js";
import { noblePrimitives } from "./noble-primitives.js";
import { nodePrimitives } from "./node-primitives.js";
import type { Padding } from "./record.js";
import { openRequest, sealRequest } from "./sealed-request.js";

// The construction of README.md written a second time, over @hpke/core and WebCrypto, sharing no code with this package.

const suite = new CipherSuite({
  kem: new DhkemX25519HkdfSha256(),
  kdf: new HkdfSha256(),
  aead: new Chacha20Poly1305(),
});
const aead = new Chacha20Poly1305();
const info = ascii("hearth/e2e/1 request");
const binding = { requestId: "req_Ω", attemptId: "att_1" };
const NONE = new ArrayBuffer(0);

function ascii(text: string): ArrayBuffer {
  return Uint8Array.from(Buffer.from(text)).buffer;
}

function exact(bytes: Uint8Array): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}

function aad(direction: 1 | 2, seq: number, final: boolean): ArrayBuffer {
  const [request, attempt] = [Buffer.from(binding.requestId), Buffer.from(binding.attemptId)];
  const out = Buffer.alloc(4 + request.length + attempt.length + 6);
  let position = out.writeUInt16BE(request.length, 0);
  position += request.copy(out, position);
  position = out.writeUInt16BE(attempt.length, position);
  position += attempt.copy(out, position);
  position = out.writeUInt8(direction, position);
  position = out.writeUInt32BE(seq, position);
  out.writeUInt8(final ? 1 : 0, position);
  return exact(out);
}

function pad(plaintext: Uint8Array): ArrayBuffer {
  const used = 5 + plaintext.length;
  const size = [64, 128, 256, 512].find((bucket) => used <= bucket) ?? Math.ceil(used / 512) * 512;
  const out = Buffer.alloc(size);
  out.writeUInt8(2, 0);
  out.writeUInt32BE(plaintext.length, 1);
  out.set(plaintext, 5);
  return exact(out);
}

function unpad(record: ArrayBuffer): Uint8Array {
  const bytes = Buffer.from(record);
  if (bytes[0] === 1) return Uint8Array.from(bytes.subarray(1));
  expect(bytes[0]).toBe(2);
  const plaintext = Uint8Array.from(bytes.subarray(5, 5 + bytes.readUInt32BE(1)));
  expect(Buffer.from(pad(plaintext)).equals(bytes)).toBe(true);
  return plaintext;
}

/** The response key schedule: `seal` and `open` one chunk by its number. */
async function responseCipher(secret: ArrayBuffer, enc: Uint8Array, responseNonce: Uint8Array) {
  const salt = exact(Buffer.concat([enc, responseNonce]));
  const material = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  const derive = (label: string, bytes: number): Promise<ArrayBuffer> =>
    crypto.subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt, info: ascii(label) }, material, bytes * 8);
  const cipher = aead.createEncryptionContext(await derive("key", 32));
  const base = Buffer.from(await derive("nonce", 12));
  const nonce = (seq: number): ArrayBuffer => {
    const out = Buffer.from(base);
    out.writeUInt32BE((out.readUInt32BE(8) ^ seq) >>> 0, 8);
    return exact(out);
  };
  return {
    seal: (record: ArrayBuffer, seq: number, final: boolean) => cipher.seal(nonce(seq), record, aad(2, seq, final)),
    open: (sealed: Uint8Array, seq: number, final: boolean) =>
      cipher.open(nonce(seq), exact(sealed), aad(2, seq, final)),
  };
}

const plaintexts = ["", "hello", "x".repeat(59), "y".repeat(60), "z".repeat(5000)].map((text) =>
  Uint8Array.from(Buffer.from(text)),
);
const isLast = (seq: number): boolean => seq === plaintexts.length - 1;

describe.each([nodePrimitives, noblePrimitives])("$name primitives and an independent implementation", (primitives) => {
  it.each(["buckets", "none"] as const)(
    "read each other when Hearth is the coordinator (%s)",
    async (padding: Padding) => {
      const recipient = await suite.kem.generateKeyPair();
      const publicKey = new Uint8Array(await suite.kem.serializePublicKey(recipient.publicKey));
      const sealer = sealRequest({ publicKey, binding, primitives, padding });
      const enc = exact(sealer.encapsulatedKey);
      const context = await suite.createRecipientContext({ recipientKey: recipient.privateKey, enc, info });
      for (const [seq, plaintext] of plaintexts.entries()) {
        const sealed = sealer.seal(plaintext, isLast(seq));
        expect(unpad(await context.open(exact(sealed), aad(1, seq, isLast(seq))))).toEqual(plaintext);
      }

      const responseNonce = crypto.getRandomValues(new Uint8Array(32));
      const secret = await context.export(ascii("hearth/e2e/1 response"), 32);
      const cipher = await responseCipher(secret, sealer.encapsulatedKey, responseNonce);
      for (const [seq, plaintext] of plaintexts.entries()) {
        const sealed = new Uint8Array(await cipher.seal(pad(plaintext), seq, isLast(seq)));
        const frame = seq === 0 ? Uint8Array.of(...responseNonce, ...sealed) : sealed;
        expect(sealer.response.open(frame, seq, isLast(seq))).toEqual(plaintext);
      }
      expect(sealer.response.finished).toBe(true);
    },
  );

  it.each(["buckets", "none"] as const)(
    "read each other when Hearth is the provider (%s)",
    async (padding: Padding) => {
      const keyPair = generateKeyPair(primitives);
      const recipientPublicKey = await suite.kem.deserializePublicKey(exact(keyPair.publicKey));
      const context = await suite.createSenderContext({ recipientPublicKey, info });
      const encapsulatedKey = new Uint8Array(context.enc);
      const opener = openRequest({ keyPair, encapsulatedKey, binding, primitives, padding });
      for (const [seq, plaintext] of plaintexts.entries()) {
        const sealed = await context.seal(pad(plaintext), aad(1, seq, isLast(seq)));
        expect(opener.open(new Uint8Array(sealed), seq, isLast(seq))).toEqual(plaintext);
      }
      expect(opener.finished).toBe(true);

      const secret = await context.export(ascii("hearth/e2e/1 response"), 32);
      const first = opener.response.seal(plaintexts[0]!, false);
      const cipher = await responseCipher(secret, encapsulatedKey, first.subarray(0, 32));
      expect(unpad(await cipher.open(first.subarray(32), 0, false))).toEqual(plaintexts[0]);
      for (const [seq, plaintext] of plaintexts.entries()) {
        if (seq === 0) continue;
        const sealed = opener.response.seal(plaintext, isLast(seq));
        expect(unpad(await cipher.open(sealed, seq, isLast(seq)))).toEqual(plaintext);
      }
    },
  );

  it("refuse an authentic chunk whose record is malformed", async () => {
    const keyPair = generateKeyPair(primitives);
    const recipientPublicKey = await suite.kem.deserializePublicKey(exact(keyPair.publicKey));
    const dirty = new Uint8Array(pad(Uint8Array.of(1, 2, 3)));
    dirty[63] = 1;
    const records = [
      NONE,
      exact(dirty),
      exact(Uint8Array.of(0, 0)),
      exact(Uint8Array.of(3, 1)),
      exact(new Uint8Array(64)),
    ];
    for (const record of records) {
      const context = await suite.createSenderContext({ recipientPublicKey, info });
      const opener = openRequest({ keyPair, encapsulatedKey: new Uint8Array(context.enc), binding, primitives });
      const sealed = new Uint8Array(await context.seal(record, aad(1, 0, true)));
      expect(() => opener.open(sealed, 0, true)).toThrow(expect.objectContaining({ code: "malformed_record" }));
      expect(opener.finished).toBe(false);
    }
  });

  it("refuse a context set up for another purpose", async () => {
    const keyPair = generateKeyPair(primitives);
    const recipientPublicKey = await suite.kem.deserializePublicKey(exact(keyPair.publicKey));
    const context = await suite.createSenderContext({ recipientPublicKey, info: ascii("something else") });
    const opener = openRequest({ keyPair, encapsulatedKey: new Uint8Array(context.enc), binding, primitives });
    const sealed = new Uint8Array(await context.seal(pad(Uint8Array.of(1)), aad(1, 0, true)));
    expect(() => opener.open(sealed, 0, true)).toThrow(expect.objectContaining({ code: "open_failed" }));
  });
});
