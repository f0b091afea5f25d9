import { createHash } from "node:crypto";
import { type ErrorCode, type ErrorDetails, HearthError } from "../../platform/errors.js";
import { openSealed, sealOnce } from "../../platform/one-use-key.js";
import type { Consumer } from "../../request/consumer.js";

/** What a consumer was told, as far as it takes to tell it again. */
export type KeptAnswer = { readonly headers: Readonly<Record<string, string>> } & (
  | { readonly type: "json" | "stream"; readonly body: Uint8Array }
  | { readonly type: "error"; readonly error: HearthError }
);

/** Says on an answer that it was given before (the name is Stripe's). */
const REPLAYED_HEADER = "Idempotent-Replayed";

/** Tells a consumer what another one was told. */
export function replay(answer: KeptAnswer, consumer: Consumer): void {
  consumer.setHeaders({ ...answer.headers, [REPLAYED_HEADER]: "true" });
  switch (answer.type) {
    case "json":
      return consumer.sendJson(answer.body);
    case "error":
      return consumer.sendError(answer.error);
    case "stream":
      consumer.openStream();
      return consumer.endStream(answer.body);
  }
}

const SALT_BYTES = 32;
/** u32: the length of what stands before the body. */
const LENGTH_BYTES = 4;

/**
 * An answer as it is kept: readable only to whoever comes with the same secrets again, and not to who reads the memory.
 * `salt (32) | ciphertext of: u32 length, head as JSON, body | tag (16)`
 *
 * @param secrets of which nothing is kept
 * @param salt 32 bytes that nobody can have seen before
 */
export function sealAnswer(answer: KeptAnswer, secrets: readonly string[], salt: Uint8Array): Uint8Array {
  const { type, headers } = answer;
  const told = type === "error" ? { error: partsOf(answer.error) } : {};
  const head = Buffer.from(JSON.stringify({ type, headers, ...told }));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(head.length);
  const body = answer.type === "error" ? [] : [answer.body];
  return Buffer.concat([salt, sealOnce(keyOf(secrets, salt), length, head, ...body)]);
}

/** @throws Error when the secrets are not those it was sealed with */
export function openAnswer(sealed: Uint8Array, secrets: readonly string[]): KeptAnswer {
  const plain = openSealed(keyOf(secrets, sealed.subarray(0, SALT_BYTES)), sealed.subarray(SALT_BYTES));
  if (plain === undefined) throw new Error("A kept answer was sealed with other secrets.");
  const bodyAt = LENGTH_BYTES + plain.readUInt32BE();
  const { type, headers, error } = JSON.parse(plain.toString("utf8", LENGTH_BYTES, bodyAt)) as Head;
  if (type === "error") return { type, headers, error: new HearthError(error.code, error.message, error.details) };
  return { type, headers, body: plain.subarray(bodyAt) };
}

interface ErrorParts {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: ErrorDetails;
}

interface Head {
  readonly type: KeptAnswer["type"];
  readonly headers: Readonly<Record<string, string>>;
  readonly error: ErrorParts;
}

/** All of an error that its consumer gets to see. */
function partsOf({ code, message, details: { cause: _cause, ...details } }: HearthError): ErrorParts {
  return { code, message, details };
}

function keyOf(secrets: readonly string[], salt: Uint8Array): Buffer {
  const hash = createHash("sha256").update("hearth kept answer").update(salt);
  for (const secret of secrets) hash.update(`${secret.length}:`).update(secret);
  return hash.digest();
}
