import { readMembers } from "@hearth/dialects";
import { E2eError, openRequest, type RequestOpener, type ResponseSealer } from "@hearth/e2e";
import { LIMITS } from "@hearth/protocol";
import { HearthError } from "../../platform/errors.js";
import type { SealingKey, SealingKeys } from "../../sealing/sealing-keys.js";
import { SEALED_TYPE, type SealedEnvelope, sealedEnvelopeSchema } from "./schemas.js";

/** Bytes of an envelope at most: a body of the greatest size in base64url, and half a MiB for all that is around it. */
export const MAX_ENVELOPE_BYTES: number = Math.ceil((LIMITS.requestBodyBytes * 4) / 3) + 512 * 1024;

/** What is asked of the keys here. */
type KeyDirectory = Pick<SealingKeys, "find" | "current">;

/** A request that was sealed, and the means to seal its answer. */
export interface OpenedRequest {
  readonly body: Buffer;
  readonly response: ResponseSealer;
  /** By which it is known if it comes again. */
  readonly encapsulatedKey: Uint8Array;
}

/** Whether a body is declared as sealed. It is never read as anything else then. */
export function isSealed(contentType: string | undefined): boolean {
  return contentType?.split(";", 1)[0]?.trim().toLowerCase() === SEALED_TYPE;
}

/**
 * Opens a sealed body.
 *
 * @param path the route that it came in by: a body that was sealed for another one does not open
 * @throws HearthError `sealed_…`, `payload_too_large`
 */
export function openEnvelope(keys: KeyDirectory, path: string, bytes: Buffer): OpenedRequest {
  const envelope = readEnvelope(bytes);
  const key = keyFor(keys, envelope.key_id);
  const encapsulatedKey = decode(envelope.encapsulated_key, "encapsulated_key");
  if (key.replays.has(encapsulatedKey)) throw new HearthError("sealed_replayed", "This request was opened before.");
  if (key.replays.full) {
    throw new HearthError("sealed_unavailable", "This coordinator can open no more requests under today's key.");
  }
  const opener = authentic(() =>
    openRequest({
      keyPair: key.keyPair,
      encapsulatedKey,
      binding: { requestId: envelope.id, attemptId: `POST ${path}` },
    }),
  );
  const body = openChunks(opener, envelope.chunks);
  // Only what opens takes a place: nobody can fill the set with noise.
  key.replays.add(encapsulatedKey);
  return { body, response: opener.response, encapsulatedKey };
}

/**
 * No other coordinator has opened it either, and none will.
 *
 * @throws HearthError `sealed_replayed`; `sealed_unavailable` where that cannot be known: an answer is paid for once
 */
export async function claimEverywhere(
  { shared }: Pick<SealingKeys, "shared">,
  { encapsulatedKey }: Pick<OpenedRequest, "encapsulatedKey">,
): Promise<void> {
  if (shared === undefined) return;
  const isFirst = await shared.claim(encapsulatedKey).catch((cause: unknown) => {
    throw new HearthError("sealed_unavailable", "It cannot be known now whether this was opened before.", { cause });
  });
  if (!isFirst) throw new HearthError("sealed_replayed", "This request was opened before.");
}

/** An envelope is one object with one list of chunks in it; a little more is left for what is to come. */
const ENVELOPE_BOUNDS = { members: 64, items: 8_192, containers: 16 };

function readEnvelope(bytes: Buffer): SealedEnvelope {
  const text = bytes.toString("utf8");
  let value: unknown;
  try {
    // What is in it is known before anything is built from it, as with a body in the open.
    if (readMembers(text, ENVELOPE_BOUNDS).type !== "object") throw new SyntaxError("no object, or too much of one");
    value = JSON.parse(text);
  } catch {
    throw new HearthError("sealed_malformed", "The sealed body is not JSON, or has too much in it.");
  }
  const parsed = sealedEnvelopeSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const param = issue?.path.join(".") ?? "";
  throw new HearthError("sealed_malformed", `The sealed body's '${param}' is not acceptable.`, { param });
}

function keyFor(keys: KeyDirectory, keyId: string): SealingKey {
  const found = keys.find(keyId);
  const current = { param: "key_id", keyId: keys.current.keyId };
  const advice = `Seal to the key of GET /v1/encryption-key, now ${current.keyId}.`;
  switch (found.type) {
    case "usable":
      return found.key;
    case "expired":
      throw new HearthError("sealed_expired", `The key that this is sealed to has expired. ${advice}`, current);
    case "unknown":
      throw new HearthError("sealed_wrong_key", `This is not sealed to a key of this coordinator. ${advice}`, current);
  }
}

function openChunks(opener: RequestOpener, chunks: readonly string[]): Buffer {
  const parts: Uint8Array[] = [];
  let sizeBytes = 0;
  for (const [seq, chunk] of chunks.entries()) {
    const ciphertext = decode(chunk, `chunks.${seq}`);
    const part = authentic(() => opener.open(ciphertext, seq, seq === chunks.length - 1));
    sizeBytes += part.length;
    if (sizeBytes > LIMITS.requestBodyBytes) {
      const limit = LIMITS.requestBodyBytes / 2 ** 20;
      throw new HearthError("payload_too_large", `The sealed body is larger than ${limit} MiB.`);
    }
    parts.push(part);
  }
  return Buffer.concat(parts, sizeBytes);
}

/** Node skips over characters that do not belong; what they would have held is then missing. */
function decode(text: string, param: string): Buffer {
  const bytes = Buffer.from(text, "base64url");
  if (bytes.length === Math.floor((text.length * 3) / 4)) return bytes;
  throw new HearthError("sealed_malformed", `The sealed body's '${param}' is not base64url.`, { param });
}

function authentic<T>(open: () => T): T {
  try {
    return open();
  } catch (error) {
    if (!(error instanceof E2eError)) throw error;
    throw new HearthError("sealed_tampered", "The sealed body was altered, or sealed for something else.");
  }
}
