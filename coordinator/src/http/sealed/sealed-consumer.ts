import type { ResponseSealer } from "@hearth/e2e";
import { errorResponse } from "../../api/error-envelope.js";
import type { HearthError } from "../../platform/errors.js";
import type { Consumer, ErrorBody } from "../../request/consumer.js";
import { JSON_TYPE, type NodeConsumer, STREAM_TYPE, type WholeAnswer } from "../node-consumer.js";
import { SEALED_TYPE } from "./schemas.js";

/** Plaintext bytes of one chunk of a whole answer at most. */
const CHUNK_BYTES = 256 * 1024;

/**
 * Seals all that is said to a consumer whose request was sealed; dialects and relay do not notice. The first chunk of
 * an answer is its head, status and content type, so that neither can be changed on the way.
 */
export class SealedConsumer implements Consumer {
  readonly #plain: NodeConsumer;
  readonly #response: ResponseSealer;
  readonly #errorBody: ErrorBody;
  #state: "waiting" | "streaming" | "ended" = "waiting";

  /** @param errorBody the form of errors that are told before the answer has begun */
  constructor(plain: NodeConsumer, response: ResponseSealer, errorBody: ErrorBody) {
    this.#plain = plain;
    this.#response = response;
    this.#errorBody = errorBody;
  }

  /** What an answer has cost tells how long it is, which its seal hides: it stands inside, in the usage. */
  setHeaders({ "X-Hearth-Cost": _, ...headers }: Readonly<Record<string, string>>): void {
    this.#plain.setHeaders(headers);
  }

  sendJson(body: object | Uint8Array): void {
    this.#sendWhole({ status: 200, headers: {}, type: JSON_TYPE, body: bytesOf(body) });
  }

  sendError(error: HearthError): void {
    const { status, headers, body } = errorResponse(error, this.#errorBody);
    this.#sendWhole({ status, headers, type: JSON_TYPE, body: bytesOf(body) });
  }

  openStream(): void {
    this.#state = "streaming";
    this.#plain.setHeaders({ "X-Hearth-Sealed": "1" });
    this.#plain.openStream();
    this.#plain.write(this.#event(headOf(200, STREAM_TYPE), false));
  }

  write(bytes: Uint8Array | string): Promise<void> | undefined {
    if (this.#state !== "streaming") return undefined;
    return this.#plain.write(this.#event(bytesOfText(bytes), false));
  }

  finishStream(...last: readonly (Uint8Array | string)[]): void {
    if (this.#state !== "streaming") return;
    this.#plain.finishStream(this.#event(Buffer.concat(last.map(bytesOfText)), false));
  }

  endStream(...last: readonly (Uint8Array | string)[]): void {
    if (this.#state !== "streaming") return;
    this.#state = "ended";
    this.#plain.endStream(this.#event(Buffer.concat(last.map(bytesOfText)), true));
  }

  #sendWhole({ status, headers, type, body }: WholeAnswer): void {
    if (this.#state !== "waiting") return;
    this.#state = "ended";
    const chunks = [this.#seal(headOf(status, type), false)];
    // An empty body is one empty chunk.
    const bodyChunks = Math.max(1, Math.ceil(body.length / CHUNK_BYTES));
    for (let at = 0; at < bodyChunks; at++) {
      const part = body.subarray(at * CHUNK_BYTES, (at + 1) * CHUNK_BYTES);
      chunks.push(this.#seal(part, at === bodyChunks - 1));
    }
    this.#plain.sendWhole({ status, headers, type: SEALED_TYPE, body: bytesOf({ v: 1, chunks }) });
  }

  #event(plaintext: Uint8Array, final: boolean): string {
    const seq = this.#response.nextSeq;
    return `data: {"s":${seq},"f":${final},"c":"${this.#seal(plaintext, final)}"}\n\n`;
  }

  #seal(plaintext: Uint8Array, final: boolean): string {
    const sealed = this.#response.seal(plaintext, final);
    return Buffer.from(sealed.buffer, sealed.byteOffset, sealed.length).toString("base64url");
  }
}

function headOf(status: number, type: string): Uint8Array {
  return bytesOf({ status, content_type: type });
}

function bytesOf(body: object | Uint8Array): Uint8Array {
  return body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body));
}

function bytesOfText(text: Uint8Array | string): Uint8Array {
  return typeof text === "string" ? Buffer.from(text) : text;
}
