import type { RequestOpener } from "@hearth/e2e";
import {
  type CancelReason,
  DATA_HEADER_BYTES,
  type DataFrame,
  type ErrorFrame,
  LIMITS,
  type RequestFrame,
  type Usage,
  writeDataHeader,
} from "@hearth/protocol";
import type { Backend, BackendResponse } from "../backends/backend.js";
import { readBytes } from "../backends/http-client.js";
import { type Clock, sleep } from "../platform/clock.js";
import type { Logger } from "../platform/logger.js";
import { Credit } from "./credit.js";
import { EventScan } from "./event-scan.js";
import { JobFailure } from "./job-failure.js";
import { SseSplitter } from "./sse-splitter.js";
import { Watchdog } from "./watchdog.js";
import { WholeBatcher } from "./whole-batcher.js";

/** Where a job's frames go. */
export interface JobOutlet {
  send(frame: { readonly type: "accepted"; readonly stream: number } | ErrorFrame | CompleteFrame): void;
  sendData(bytes: Uint8Array): void;
  writable(): Promise<void>;
}

interface CompleteFrame {
  readonly type: "complete";
  readonly stream: number;
  readonly usage: Usage;
}

export interface JobDeps {
  readonly backend: Backend;
  readonly clock: Clock;
  readonly log: Logger;
  readonly outlet: JobOutlet;
  readonly opener: RequestOpener;
  /** The job is over; called once. */
  readonly ended: () => void;
}

/** A backend that has not answered after this is taken to be loading, ms. */
const ACCEPTED_AFTER_MS = 2_000;
/** A backend that says nothing for this long is stalled, ms. */
const STALL_MS = 45_000;
/** How long a backend may load a model, ms, and how often it is asked meanwhile. */
const LOAD_WINDOW_MS = 600_000;
const LOAD_RETRY_MS = 500;

/** One request of the coordinator's: its sealed body gathered, run on the backend, the answer sealed and sent. */
export class Job {
  readonly #frame: RequestFrame;
  readonly #deps: JobDeps;
  readonly #body: Uint8Array[] = [];
  readonly #abort = new AbortController();
  readonly #credit = new Credit(LIMITS.initialCreditBytes);
  readonly #scan = new EventScan();
  #bodyBytes = 0;
  #accepted = false;
  #sentAnything = false;

  constructor(frame: RequestFrame, deps: JobDeps) {
    this.#frame = frame;
    this.#deps = deps;
  }

  get model(): string {
    return this.#frame.model;
  }

  /** Takes a sealed part of the body; the last one starts the work. @returns whether the protocol allows it */
  body(data: DataFrame): boolean {
    const { opener } = this.#deps;
    if (opener.finished) return false;
    let part: Uint8Array;
    try {
      part = opener.open(data.ciphertext, data.seq, data.final);
    } catch {
      this.#end({ code: "decryption_failed", progress: "not_started" });
      return true;
    }
    this.#body.push(part);
    this.#bodyBytes += part.length;
    if (this.#bodyBytes > this.#frame.body_bytes) return false;
    if (data.final) void this.#run();
    return true;
  }

  grant(bytes: number): void {
    this.#credit.grant(bytes);
  }

  /** Stops the backend and confirms with what was spent. */
  cancel(reason: CancelReason): void {
    this.#abort.abort(reason);
    this.#credit.close();
    this.#end({ code: "cancelled", progress: this.#sentAnything ? "processed" : "not_started" });
  }

  /** The connection is gone: nobody is left to tell. */
  abandon(): void {
    this.#over = true;
    this.#abort.abort("connection_lost");
    this.#credit.close();
    this.#deps.ended();
  }

  #over = false;

  async #run(): Promise<void> {
    const startedAt = this.#deps.clock.now();
    try {
      const response = await this.#open();
      if (response.status >= 400) await this.#reject(response);
      else await this.#relay(response);
    } catch (thrown) {
      this.#end(JobFailure.from(thrown, this.#sentAnything).frame);
    }
    const ms = Math.round(this.#deps.clock.now() - startedAt);
    this.#deps.log.debug({ request: this.#frame.request_id, attempt: this.#frame.attempt_id, ms }, "job ended");
  }

  /** Calls the backend, saying `accepted` when that takes long, and asking again while it loads the model. */
  async #open(): Promise<BackendResponse> {
    const { backend, clock } = this.#deps;
    const body = Buffer.concat(this.#body);
    this.#body.length = 0;
    const giveUpAt = clock.now() + LOAD_WINDOW_MS;
    const patience = clock.setTimer(ACCEPTED_AFTER_MS, () => this.#accept());
    try {
      for (;;) {
        const response = await backend.open({ dialect: this.#frame.dialect, body }, this.#abort.signal);
        if (response.status !== 503 || clock.now() > giveUpAt) return response;
        const text = await readBytes(response.body, LIMITS.errorBodyBytes);
        if (!text.includes("Loading model")) return { ...response, body: once(text) };
        this.#accept();
        await sleep(clock, LOAD_RETRY_MS, this.#abort.signal);
      }
    } finally {
      patience[Symbol.dispose]();
    }
  }

  #accept(): void {
    if (this.#accepted || this.#over) return;
    this.#accepted = true;
    this.#deps.outlet.send({ type: "accepted", stream: this.#frame.stream });
  }

  /** The backend's error body may quote the prompt: it travels sealed. */
  async #reject(response: BackendResponse): Promise<void> {
    const body = await readBytes(response.body, LIMITS.errorBodyBytes);
    if (this.#over) return;
    const sealed = this.#deps.opener.response.seal(body, true);
    this.#end({
      code: response.status === 429 || response.status === 503 ? "capacity" : "backend_error",
      status: response.status,
      progress: response.status >= 500 && response.status !== 503 ? "processed" : "refused",
      sealed_body: Buffer.from(sealed).toString("base64url"),
    });
  }

  async #relay(response: BackendResponse): Promise<void> {
    if (this.#frame.dialect === "embeddings") return this.#relayBody(response);
    if (!response.contentType.includes("event-stream")) throw await JobFailure.ofPlainBody(response);
    const splitter = new SseSplitter();
    const batcher = new WholeBatcher(this.#deps.clock, (events) => void this.#emit(events, false));
    const watchdog = new Watchdog(this.#deps.clock, STALL_MS, () => this.#abort.abort(JobFailure.stalled()));
    try {
      for await (const chunk of response.body) {
        watchdog.pause();
        const events = splitter.push(chunk);
        if (events.length > 0) {
          this.#scan.read(events);
          if (this.#scan.done) return await this.#complete(joined(batcher.take(), events));
          await this.#deliver(events, batcher);
        }
        if (this.#over) return;
        watchdog.resume();
      }
      if (splitter.pendingBytes > 0) throw JobFailure.truncated();
      await this.#complete(batcher.take());
    } finally {
      watchdog[Symbol.dispose]();
      batcher[Symbol.dispose]();
    }
  }

  async #deliver(events: Uint8Array, batcher: WholeBatcher): Promise<void> {
    const hold = this.#frame.delivery === "whole" && this.#sentContent;
    if (hold) batcher.add(events);
    else await this.#emit(events, false);
    this.#sentContent ||= this.#scan.sawContent;
    if (hold) await this.#credit.available();
  }

  #sentContent = false;

  /** An answer that is one JSON body: it goes as it is, in as many frames as it takes. */
  async #relayBody(response: BackendResponse): Promise<void> {
    const body = await readBytes(response.body, LIMITS.requestBodyBytes);
    for (let at = 0; at < body.length; at += LIMITS.responseChunkBytes) {
      await this.#emit(body.subarray(at, at + LIMITS.responseChunkBytes), false);
    }
    this.#scan.read(Buffer.concat([Buffer.from("data: "), body]));
    await this.#complete(new Uint8Array(0));
  }

  /** Seals and sends, at the pace of the coordinator's credit and of the socket. */
  async #emit(events: Uint8Array, final: boolean): Promise<void> {
    await this.#credit.available();
    await this.#deps.outlet.writable();
    if (this.#over) return;
    this.#credit.spend(events.length);
    this.#sentAnything = true;
    const sealer = this.#deps.opener.response;
    const seq = sealer.nextSeq;
    const frame = sealer.seal(events, final, DATA_HEADER_BYTES);
    writeDataHeader(frame, { kind: "response", stream: this.#frame.stream, seq, final });
    this.#deps.outlet.sendData(frame);
  }

  async #complete(last: Uint8Array): Promise<void> {
    await this.#emit(last, true);
    if (this.#over) return;
    this.#over = true;
    this.#deps.outlet.send({ type: "complete", stream: this.#frame.stream, usage: this.#scan.usage });
    this.#deps.ended();
  }

  #end(error: Omit<ErrorFrame, "type" | "stream">): void {
    if (this.#over) return;
    this.#over = true;
    this.#abort.abort(error.code);
    this.#deps.outlet.send({ type: "error", stream: this.#frame.stream, usage: this.#scan.usage, ...error });
    this.#deps.ended();
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  return first.length === 0 ? second : Buffer.concat([first, second]);
}
