import { createHash } from "node:crypto";
import type { ReceiptFacts } from "@hearth/attestation";
import {
  createWholeFold,
  type EventGrammar,
  type EventReading,
  grammarOf,
  readEvents,
  type WholeFold,
} from "@hearth/dialects";
import type { RequestOpener } from "@hearth/e2e";
import {
  type ControlFrame,
  DATA_HEADER_BYTES,
  DATA_MARKS,
  type ErrorFrame,
  type Holding,
  type ReceiptText,
  type RequestFrame,
  type Usage,
  type WorkingScope,
  type WorkingSign,
  writeDataHeader,
} from "@hearth/protocol";
import type { AttestingMachine } from "./attesting-machine.js";

const USAGE: Usage = { prompt_tokens: 3, completion_tokens: 2 };

/** What a stream needs of the provider that it runs on. */
export interface StreamProvider {
  readonly machine: AttestingMachine | undefined;
  send(frame: ControlFrame): void;
  sendBytes(bytes: Uint8Array): void;
  terminate(): void;
}

/** The events of an answer that is wanted as a whole. */
class GatheredEvents {
  contents = 0;
  #finished = false;
  /** What has no meaning, and so no place in a whole answer. */
  #odd: string | undefined;
  readonly #grammar: EventGrammar;
  readonly #fold: WholeFold;

  constructor({ dialect, request_id: requestId, model }: RequestFrame) {
    const name = dialect === "embeddings" ? "chat_completions" : dialect;
    this.#grammar = grammarOf(name);
    this.#fold = createWholeFold(name, { requestId, model, created: 0 });
  }

  /** @returns the error that the backend put among its events */
  add(text: string): Extract<EventReading, { kind: "error" }> | undefined {
    for (const { data } of readEvents(Buffer.from(text)) ?? []) {
      const reading = data === undefined ? undefined : this.#grammar.read(data);
      if (reading?.kind === "error") return reading;
      if (reading?.kind === "malformed") this.#odd = data;
      if (reading?.kind === "content") {
        this.contents += 1;
        this.#finished ||= reading.finishes;
      }
      this.#finished ||= reading?.kind === "done";
      if (reading !== undefined && "parsed" in reading) this.#fold.add(reading.parsed);
    }
    return undefined;
  }

  /** A stream without its end comes to half a body; one with an event that means nothing comes to that. */
  body(): Uint8Array {
    if (this.#odd !== undefined) return Buffer.from(this.#odd);
    const body = this.#fold.body();
    return this.#finished ? body : body.subarray(0, body.length / 2);
  }
}

/** One request as the scripted provider sees it, and the means to answer it. */
export class ScriptedStream {
  readonly frame: RequestFrame;
  /** The decrypted body. */
  readonly body: Record<string, unknown>;
  /** Resolves with the reason when the coordinator cancels. */
  readonly cancelled: Promise<string>;
  cancelReason: string | undefined;
  creditBytes = 0;
  readonly #provider: StreamProvider;
  readonly #opener: RequestOpener;
  readonly #whole: GatheredEvents | undefined;
  readonly #requestHash: string;
  readonly #responseHash = createHash("sha256");
  #resolveCancelled: (reason: string) => void = () => {};

  constructor(provider: StreamProvider, frame: RequestFrame, opener: RequestOpener, body: string) {
    this.#provider = provider;
    this.frame = frame;
    this.#opener = opener;
    this.#whole = frame.delivery === "whole" && frame.dialect !== "embeddings" ? new GatheredEvents(frame) : undefined;
    this.#requestHash = createHash("sha256").update(body).digest("hex");
    this.body = JSON.parse(body) as Record<string, unknown>;
    this.cancelled = new Promise((resolve) => {
      this.#resolveCancelled = resolve;
    });
  }

  cancel(reason: string): void {
    this.cancelReason = reason;
    this.#resolveCancelled(reason);
  }

  /** @param scope `server`: what moved cannot be tied to this request */
  working(sign: WorkingSign, counter = 1, scope: WorkingScope = "request"): void {
    const told = scope === "request" ? {} : { scope };
    this.#provider.send({ type: "working", stream: this.frame.stream, sign, counter, ...told });
  }

  /** A machine that takes its time. @returns whether the answer is wanted still */
  async takes(ms: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const over = new Promise((resolve) => {
      timer = setTimeout(resolve, ms);
    });
    await Promise.race([over, this.cancelled]);
    clearTimeout(timer);
    return this.cancelReason === undefined;
  }

  /** Says that it has taken the request and that its backend loads the model. */
  accepted(): void {
    this.working("loading");
  }

  /**
   * Sends raw plaintext in one sealed frame. Where the answer is wanted as a whole, events are kept back, as an agent
   * does, and the last ones send what they come to.
   */
  raw(text: string | Uint8Array, final = false): void {
    if (this.#whole === undefined || typeof text !== "string")
      return this.#provider.sendBytes(this.sealed(text, final));
    const failure = this.#whole.add(text);
    if (failure !== undefined) this.errorWithBody(failure.status, { error: failure.error });
    else if (final) this.#provider.sendBytes(this.sealed(this.#whole.body(), true));
    else if (this.#whole.contents > 0) this.working("generating", this.#whole.contents);
  }

  /** A sealed frame, for those who want to spoil it before it goes. */
  sealed(text: string | Uint8Array, final = false, holds: Exclude<Holding, "body"> = "content"): Uint8Array {
    const seq = this.#opener.response.nextSeq;
    const plaintext = typeof text === "string" ? Buffer.from(text) : text;
    this.#responseHash.update(plaintext);
    const frame = this.#opener.response.seal(plaintext, final, DATA_HEADER_BYTES, DATA_MARKS[holds]);
    writeDataHeader(frame, { kind: "response", stream: this.frame.stream, seq, final, holds });
    return frame;
  }

  /** A data frame of this stream with any ciphertext. */
  rawFrame(ciphertext: Uint8Array, seq: number, final: boolean): void {
    const frame = new Uint8Array(DATA_HEADER_BYTES + ciphertext.length);
    frame.set(ciphertext, DATA_HEADER_BYTES);
    writeDataHeader(frame, { kind: "response", stream: this.frame.stream, seq, final, holds: "content" });
    this.sendFrame(frame);
  }

  sendFrame(frame: Uint8Array): void {
    this.#provider.sendBytes(frame);
  }

  event(chunk: unknown): void {
    this.raw(`data: ${JSON.stringify(chunk)}\n\n`);
  }

  /** A chunk of this answer, which has an id that no other answer has. */
  chunk(delta: unknown, finishReason: string | null = null): Record<string, unknown> {
    return { ...chunkOf(this.frame.model, delta, finishReason), id: `chatcmpl-${this.frame.attempt_id}` };
  }

  role(): void {
    this.event(this.chunk({ role: "assistant", content: "" }));
  }

  content(text: string): void {
    this.event(this.chunk({ content: text }));
  }

  finish(reason = "stop"): void {
    this.event(this.chunk({}, reason));
  }

  /** The rest of a clean answer: usage, `[DONE]`, the final frame, `complete`. */
  end(usage: Usage = USAGE): void {
    const totals = { ...usage, total_tokens: usage.prompt_tokens + usage.completion_tokens };
    this.raw(`data: ${JSON.stringify({ ...this.chunk(undefined), choices: [], usage: totals })}\n\n`);
    this.raw("data: [DONE]\n\n", true);
    void this.certify(usage);
  }

  /** `complete`, and a receipt behind it where the machine has a key to sign it with. */
  async certify(usage: Usage = USAGE, changes: Partial<ReceiptFacts> = {}): Promise<void> {
    this.complete(usage);
    if (this.#provider.machine !== undefined) this.receipt(await this.sign(usage, changes));
  }

  receipt(receipt: ReceiptText): void {
    this.#provider.send({ type: "receipt", stream: this.frame.stream, ...receipt });
  }

  /** The machine's word on this stream, once it has ended. */
  async sign(usage: Usage = USAGE, changes: Partial<ReceiptFacts> = {}): Promise<ReceiptText> {
    const { machine } = this.#provider;
    if (machine === undefined) throw new Error("this machine signs nothing");
    return machine.receipt({
      request_id: this.frame.request_id,
      attempt_id: this.frame.attempt_id,
      model: this.frame.model,
      weights_hash: null,
      request_hash: this.#requestHash,
      response_hash: this.#responseHash.digest("hex"),
      usage,
      last_seq: this.#opener.response.nextSeq - 1,
      issued_at_ms: Date.now(),
      ...changes,
    });
  }

  complete(usage: Usage = USAGE): void {
    this.#provider.send({ type: "complete", stream: this.frame.stream, usage });
  }

  /** A whole clean answer. */
  answer(...texts: string[]): void {
    this.role();
    for (const text of texts) this.content(text);
    this.finish();
    this.end();
  }

  error(error: Partial<ErrorFrame> = {}): void {
    this.#provider.send({
      type: "error",
      stream: this.frame.stream,
      code: "backend_error",
      status: 500,
      progress: "processed",
      ...error,
    });
  }

  /** An error with the backend's own body, sealed. */
  errorWithBody(status: number, body: unknown): void {
    const sealed = this.#opener.response.seal(Buffer.from(JSON.stringify(body)), true);
    this.error({
      code: status < 500 ? "bad_request" : "backend_error",
      status,
      progress: status < 500 ? "refused" : "processed",
      sealed_body: Buffer.from(sealed).toString("base64url"),
    });
  }

  /** Cuts the whole connection, without a word. */
  dropConnection(): void {
    this.#provider.terminate();
  }
}

/** For those who do not care which answer it is of: all have one id. */
export function chunkOf(model: string, delta: unknown, finishReason: string | null = null): Record<string, unknown> {
  const choice = { index: 0, delta, finish_reason: finishReason };
  return { id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model, choices: [choice] };
}
