import { z } from "zod";

/** Names the format of what is sealed: `docs/sender-sealing.md` is its specification. */
export const SEALED_FORMAT = "hearth-sealed/1";
export const SEALED_TYPE = "application/hearth-sealed+json";
/** Chunks of one body at most. */
const MAX_CHUNKS = 256;

const bytes = (length: number): z.ZodString => z.string().regex(new RegExp(`^[A-Za-z0-9_-]{${length}}$`));
const keyId = z.string().regex(/^[A-Za-z0-9_-]{16}$/, "must be a key id of 16 characters");

/** A request body sealed to the coordinator. */
export const sealedEnvelopeSchema = z
  .object({
    v: z.literal(1),
    key_id: keyId.describe("The id of the key that it is sealed to, from `/v1/encryption-key`."),
    encapsulated_key: bytes(43).describe("32 bytes, base64url."),
    id: z
      .string()
      .regex(/^[A-Za-z0-9_-]{16,64}$/)
      .describe("The sender's own name for this request: random, and bound to it and its answer."),
    chunks: z.array(z.string().min(1)).min(1).max(MAX_CHUNKS).describe("The sealed body, base64url."),
  })
  .describe("A body of this route, sealed to the coordinator.");
export type SealedEnvelope = z.infer<typeof sealedEnvelopeSchema>;

/** A whole answer to a sealed request. */
export const sealedAnswerSchema = z
  .object({
    v: z.literal(1),
    chunks: z.array(z.string()).min(2).describe("The sealed head and body, base64url."),
  })
  .describe("The answer to a sealed request, an error's included.");

/** One event of the stream that answers a sealed request. */
export const sealedEventSchema = z
  .object({
    s: z.int().min(0).describe("0, 1, 2 …: the first event is the head."),
    f: z.boolean().describe("True for the last one. A stream that ends before it was cut short."),
    c: z.string().describe("Whole events of the answer, sealed, base64url."),
  })
  .describe("An event of the answer to a sealed request; such a stream has the header `X-Hearth-Sealed: 1`.");
export type SealedEvent = z.infer<typeof sealedEventSchema>;

const algorithm = z.object({ id: z.int().describe("As registered for HPKE (RFC 9180 §7)."), name: z.string() });
const publicKey = bytes(43).describe("An X25519 public key, base64url.");

/** What `/v1/encryption-key` answers. */
export const encryptionKeySchema = z.object({
  object: z.literal("encryption_key"),
  key_id: keyId,
  public_key: publicKey,
  suite: z.object({ kem: algorithm, kdf: algorithm, aead: algorithm }),
  format: z.literal(SEALED_FORMAT),
  expires_at: z.int().describe("Unix seconds. Later requests are to be sealed to the next key."),
  next_key: z
    .object({ key_id: keyId, public_key: publicKey, not_before: z.int().describe("Unix seconds.") })
    .optional(),
});
export type EncryptionKeyAnswer = z.infer<typeof encryptionKeySchema>;
