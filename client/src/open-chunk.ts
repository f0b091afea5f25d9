import { E2eError, type ResponseOpener } from "@hearth/e2e";
import { decodeBase64url } from "./base64url.js";
import { SealedTransportError } from "./error.js";

/** A chunk as it travels. */
export interface TravellingChunk {
  readonly seq: number;
  readonly final: boolean;
  readonly text: string;
}

/** @throws SealedTransportError `malformed_answer`, `tampered_answer` */
export function openChunk(answer: ResponseOpener, { seq, final, text }: TravellingChunk): Uint8Array {
  const ciphertext = decodeBase64url(text);
  if (ciphertext === undefined) throw new SealedTransportError("malformed_answer", "A chunk is not base64url.");
  try {
    return answer.open(ciphertext, seq, final);
  } catch (cause) {
    if (!(cause instanceof E2eError)) throw cause;
    throw new SealedTransportError("tampered_answer", "The answer was altered on its way.", { cause });
  }
}

/** What the first chunk of an answer says of it. */
export interface AnswerHead {
  readonly status: number;
  readonly contentType: string;
}

/**
 * Reads the first chunk of an answer.
 *
 * @param status the status that the answer came with: whoever carried it may have changed that
 * @throws SealedTransportError `malformed_answer`, `tampered_answer`
 */
export function readHead(chunk: Uint8Array, status: number): AnswerHead {
  const head = parseHead(chunk);
  if (head.status !== status) throw new SealedTransportError("tampered_answer", "The answer's status was altered.");
  return head;
}

function parseHead(chunk: Uint8Array): AnswerHead {
  let value: Partial<Record<"status" | "content_type", unknown>> | null;
  try {
    value = JSON.parse(new TextDecoder().decode(chunk));
  } catch {
    value = null;
  }
  if (typeof value?.status !== "number" || typeof value.content_type !== "string") {
    throw new SealedTransportError("malformed_answer", "The answer does not begin with its head.");
  }
  return { status: value.status, contentType: value.content_type };
}
