import { createHash } from "node:crypto";
import { z } from "zod";
import { type Verifier, verifierOf } from "./p256.js";
import {
  type Attestation,
  attestationSchema,
  MAX_BATCH_RECEIPTS,
  MAX_PROOF_HASHES,
  type PostureAnswer,
  postureAnswerSchema,
  type Receipt,
  readBlob,
  type SignedBlob,
} from "./signed-blob.js";
import { entryOf } from "./signed-receipt.js";
import { verifyAttestation, verifyChallengeAnswer, verifyReceipt } from "./verify.js";

const signedText = z.object({ blob: z.string().max(16_384), signature: z.string().max(128) });
/** Of format 1, or of format 2. */
const receiptText = z.union([
  signedText,
  z.object({
    blob: z.string().max(16_384),
    batch: signedText.extend({
      index: z.number().int().min(0).max(MAX_BATCH_RECEIPTS),
      proof: z.array(z.string().max(64)).max(MAX_PROOF_HASHES),
    }),
  }),
]);
const attestationText = signedText.extend({ identity_key: z.string().max(128) });

/** What `GET /v1/receipts/{request_id}` answers, as far as it is verified. */
const receiptDocument = z.object({
  object: z.literal("receipt"),
  request_id: z.string(),
  provider_id: z.string(),
  receipt: receiptText,
  attestation: attestationText,
});

/** One entry of `GET /v1/providers/attestation`, as far as it is verified. */
const providerDocument = z.object({
  object: z.literal("provider.attestation"),
  provider_id: z.string(),
  trust_level: z.string(),
  agent_version: z.string(),
  encryption_key: z.object({ key_id: z.string(), public_key: z.string() }),
  attestation: attestationText.nullable(),
  challenge: signedText.extend({ challenge: z.string(), encryption_key: z.string() }).nullable(),
});

const listDocument = z.object({ object: z.literal("list"), data: z.array(providerDocument).max(100_000) });

/** One check, in words for people, and how it went. */
export interface Check {
  readonly claim: string;
  readonly holds: boolean;
}

/** What was found out about one receipt or one machine. */
export interface Finding {
  readonly subject: "receipt" | "provider";
  readonly id: string;
  readonly valid: boolean;
  readonly checks: readonly Check[];
  /** What is signed, for people to read; absent where the signature does not hold. */
  readonly receipt?: Receipt;
  readonly attestation?: Attestation;
  readonly posture?: PostureAnswer;
}

/** The document is neither a receipt nor a list of attestations. */
export class UnknownDocumentError extends Error {
  constructor() {
    super("This is neither a receipt nor an attestation of Hearth's.");
    this.name = "UnknownDocumentError";
  }
}

/**
 * Verifies, without anybody's help, what a coordinator says about its providers: a receipt with the attestation that
 * vouches for its key, or the public list of attestations.
 *
 * @throws UnknownDocumentError for anything else
 */
export function verifyDocument(document: unknown): readonly Finding[] {
  const receipt = receiptDocument.safeParse(document);
  if (receipt.success) return [verifyReceiptDocument(receipt.data)];
  const provider = providerDocument.safeParse(document);
  if (provider.success) return [verifyProvider(provider.data)];
  const list = listDocument.safeParse(document);
  if (list.success) return list.data.data.map(verifyProvider);
  throw new UnknownDocumentError();
}

function verifyReceiptDocument(document: z.infer<typeof receiptDocument>): Finding {
  const verifier = verifierOf(bytesOf(document.attestation.identity_key));
  const { receipt: text } = document;
  const signed = "batch" in text ? entryOf(text) : signedOf(text);
  const verdict = verifier === undefined ? undefined : verifyReceipt(signed, verifier);
  const receipt = verdict?.type === "ok" ? verdict.value : undefined;
  const attestation = attestationBy(verifier, document.attestation);
  return conclude("receipt", document.request_id, {
    checks: [
      check("the receipt is signed by the identity key, by itself or in its batch", receipt !== undefined),
      check("the attestation is signed by the same key and names it", attestation !== undefined),
      check("the receipt is for this request", receipt?.request_id === document.request_id),
      check("the provider's id is that of the key", isIdOf(document.provider_id, verifier)),
    ],
    ...(receipt === undefined ? {} : { receipt }),
    ...(attestation === undefined ? {} : { attestation }),
  });
}

function verifyProvider(document: z.infer<typeof providerDocument>): Finding {
  const { attestation: text, challenge, encryption_key: key } = document;
  if (text === null) {
    return conclude("provider", document.provider_id, { checks: [check("the machine attests", false)] });
  }
  const verifier = verifierOf(bytesOf(text.identity_key));
  const attestation = attestationBy(verifier, text);
  const posture =
    challenge === null || attestation === undefined ? undefined : answerBy(verifier, challenge, attestation);
  return conclude("provider", document.provider_id, {
    checks: [
      check("the attestation is signed by the identity key and names it", attestation !== undefined),
      check("the provider's id is that of the key", isIdOf(document.provider_id, verifier)),
      check(
        "the attestation binds the encryption key",
        attestation?.encryption_key.key_id === key.key_id && attestation.encryption_key.public_key === key.public_key,
      ),
      check("the last challenge was answered by this machine", posture !== undefined),
    ],
    ...(attestation === undefined ? {} : { attestation }),
    ...(posture === undefined ? {} : { posture }),
  });
}

function attestationBy(verifier: Verifier | undefined, text: z.infer<typeof attestationText>): Attestation | undefined {
  if (verifier === undefined) return undefined;
  const signed = signedOf(text);
  const claimed = readBlob(attestationSchema, signed.blob);
  if (claimed === undefined) return undefined;
  const { key_id: keyId, public_key: publicKey } = claimed.encryption_key;
  const verdict = verifyAttestation(signed, {
    identity: createHash("sha256").update(verifier.publicKey).digest("base64url"),
    identityKey: verifier.publicKey,
    encryptionKey: { keyId, publicKey },
    agentVersion: claimed.agent_version,
  });
  return verdict.type === "ok" ? verdict.value.content : undefined;
}

/** The key is that of its time: a machine that has changed it since then has not been challenged about the new one yet. */
function answerBy(
  verifier: Verifier | undefined,
  { challenge, encryption_key: encryptionKey, ...text }: NonNullable<z.infer<typeof providerDocument>["challenge"]>,
  attestation: Attestation,
): PostureAnswer | undefined {
  if (verifier === undefined) return undefined;
  const signed = signedOf(text);
  const claimed = readBlob(postureAnswerSchema, signed.blob);
  const verdict = verifyChallengeAnswer(signed, {
    verifier,
    challenge: bytesOf(challenge),
    encryptionKey: bytesOf(encryptionKey),
    agentVersion: attestation.agent_version,
    nowMs: claimed?.issued_at_ms ?? 0,
  });
  return verdict.type === "ok" ? verdict.value : undefined;
}

/** How providers are named in public: `prv_` and the start of base64url(SHA-256(identity)). */
function isIdOf(id: string, verifier: Verifier | undefined): boolean {
  if (verifier === undefined) return false;
  const identity = createHash("sha256").update(verifier.publicKey).digest("base64url");
  return id === `prv_${createHash("sha256").update(identity).digest("base64url").slice(0, 16)}`;
}

function conclude(subject: Finding["subject"], id: string, found: Omit<Finding, "subject" | "id" | "valid">): Finding {
  return { subject, id, valid: found.checks.every(({ holds }) => holds), ...found };
}

const check = (claim: string, holds: boolean): Check => ({ claim, holds });
const bytesOf = (text: string): Uint8Array => Buffer.from(text, "base64url");
const signedOf = (text: z.infer<typeof signedText>): SignedBlob => ({
  blob: bytesOf(text.blob),
  signature: bytesOf(text.signature),
});
