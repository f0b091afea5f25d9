import { createWholeFold, type WholeFold } from "@hearth/dialects";
import type { RequestOpener } from "@hearth/e2e";
import { type Clock, describeFault } from "@hearth/platform";
import {
  type CancelReason,
  type DataFrame,
  LIMITS,
  type ProviderFrame,
  type RequestFrame,
  type Usage,
} from "@hearth/protocol";
import type { Backend, BackendResponse } from "../backends/backend.js";
import type { MovedSign } from "../backends/sign-watch.js";
import { systemWallTime } from "../platform/clock.js";
import type { Logger } from "../platform/logger.js";
import type { Admission } from "./admission.js";
import { ANSWER_END_MS, untilAnswered } from "./answer-end.js";
import { formOf, maybeEvents } from "./body-form.js";
import { BodyReader } from "./body-reader.js";
import { callBackend } from "./call-backend.js";
import { CreditedSender, type DataOutlet } from "./credited-sender.js";
import { EventScan } from "./event-scan.js";
import { JobFailure } from "./job-failure.js";
import type { JobStatistics, JobTimings } from "./job-statistics.js";
import { JobTimer } from "./job-timer.js";
import { Liveness } from "./liveness.js";
import { type ChunkSource, only, piecesOf } from "./pieces.js";
import type { ReceiptBuilder, ReceiptIssuer } from "./receipt.js";
import { relayBody, relayEvents, relayWhole, unfoldBody } from "./relay.js";
import type { Sign } from "./signs-of-life.js";

/** Where a job's frames go. */
export interface JobOutlet extends DataOutlet {
  send(frame: ProviderFrame): void;
}

/** What all jobs have in common. */
export interface SharedJobDeps {
  readonly backend: Backend;
  readonly clock: Clock;
  readonly log: Logger;
  readonly admission: Admission;
  readonly statistics: JobStatistics;

  /** Absent = nothing is signed. */
  readonly receipts?: ReceiptIssuer;
  /** As {@link ANSWER_END_MS}, which is the default. */
  readonly answerEndMs?: number;
}

export interface JobDeps extends SharedJobDeps {
  readonly outlet: JobOutlet;
  readonly opener: RequestOpener;
  readonly hooks: JobHooks;
}

export interface JobHooks {
  /** Whether a model's template needs a string `type` in the schemas of tools. Absent = none does. */
  needsStringTypes?(model: string): boolean;
  /** Work that goes on when the job is over; it never rejects. Called before `ended`. */
  afterwards(work: Promise<void>): void;
  /** The job is over; called once. */
  ended(): void;
}

/** One request of the coordinator: gathers its sealed body, runs it on the backend, seals the answer and sends it. */
export class Job {
  readonly #frame: RequestFrame;
  readonly #deps: JobDeps;
  readonly #log: Logger;
  readonly #startedAt: number;
  readonly #abort = new AbortController();
  readonly #sender: CreditedSender;
  readonly #scan: EventScan;
  readonly #timer: JobTimer;
  /** Puts together an answer that is sent as a whole. */
  readonly #fold: WholeFold | undefined;
  readonly #receipt: ReceiptBuilder | undefined;
  #parts: Uint8Array[] = [];
  #gatheredBytes = 0;
  readonly #liveness: Liveness;
  /** The backend has seen the request. */
  #called = false;
  /** The body, to estimate what it costs where the backend does not say. */
  #prompt: Buffer | undefined;
  #over = false;

  constructor(frame: RequestFrame, deps: JobDeps) {
    this.#frame = frame;
    this.#deps = deps;
    this.#log = deps.log.child({ request: frame.request_id, attempt: frame.attempt_id, model: frame.model });
    this.#startedAt = deps.clock.now();
    this.#timer = new JobTimer(deps.clock);
    this.#liveness = new Liveness(deps.clock, { tell: this.#tell, stalled: this.#stalled });
    this.#fold = foldFor(frame);
    this.#scan = scanOf(frame, this.#liveness, this.#fold);
    const receipt = deps.receipts?.start(frame);
    this.#receipt = receipt;
    const sealed = (plaintext: Uint8Array): void => receipt?.response(plaintext);
    const { outlet, opener } = deps;
    this.#sender = new CreditedSender({ stream: frame.stream, sealer: opener.response, outlet, hooks: { sealed } });
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
    } catch (cause) {
      this.#fail(new JobFailure({ code: "decryption_failed", progress: "not_started" }, { cause }));
      return true;
    }
    this.#receipt?.request(part);
    this.#parts.push(part);
    this.#gatheredBytes += part.length;
    const { body_bytes: announcedBytes } = this.#frame;
    if (this.#gatheredBytes > announcedBytes || (data.final && this.#gatheredBytes < announcedBytes)) return false;
    if (data.final) void this.#run();
    return true;
  }

  grant(bytes: number): void {
    this.#sender.grant(bytes);
  }

  /** Stops the backend and confirms with what was spent. */
  cancel(reason: CancelReason): void {
    this.#log.debug({ reason }, "job cancelled");
    this.#fail(JobFailure.cancelled(this.#called ? "processed" : "not_started"));
  }

  /** The connection is gone: ends without a frame. */
  abandon(): void {
    this.#end(JobFailure.cancelled("processed"));
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const run: { response?: BackendResponse } = {};
    try {
      const hooks = { queued: (ahead: number): void => this.#liveness.queued(ahead) };
      using _slot = await this.#deps.admission.enter(this.model, hooks, this.#abort.signal);
      await this.#serve(run);
    } catch (thrown) {
      // The abort's reason says why; what was thrown then says only that something was aborted.
      const cause: unknown = this.#abort.signal.aborted ? this.#abort.signal.reason : thrown;
      if (cause instanceof JobFailure) this.#fail(cause);
      else this.#fail(run.response === undefined ? JobFailure.unreachable(cause) : JobFailure.brokenOff(cause));
    }
  }

  async #serve(run: { response?: BackendResponse }): Promise<void> {
    using silence = this.#liveness.called();
    this.#called = true;
    this.#timer.called();
    using _watch = this.#watch();
    const response = await this.#call();
    run.response = response;
    this.#scan.habits = response.habits ?? this.#scan.habits;
    // Where the bytes themselves are the answer, the reader watches for silence by itself.
    const begun = (): void => silence[Symbol.dispose]();
    using reader = new BodyReader(response.body, this.#deps.clock, { stalled: this.#stalled, begun });
    if (maybeEvents(this.#frame, response) && isOk(response)) reader.leaveTo(silence);
    await this.#relay(response, reader);
    await this.#sender.settled();
    this.#complete();
    await reader.finish(() => this.#abort.abort(JobFailure.stalled()));
  }

  #watch(): Disposable | undefined {
    const moved = (sign: MovedSign): void => {
      if (sign.sign === "loading" && sign.scope === "request") this.#timer.loading();
      this.#liveness.moved(sign);
    };
    const waitingSince = (): number | undefined => this.#liveness.waitingSince;
    return this.#deps.backend.watch?.({ model: this.model, waitingSince, begun: () => this.#scan.begun, moved });
  }

  #call(): Promise<BackendResponse> {
    const { backend, clock, hooks } = this.#deps;
    this.#prompt = Buffer.concat(this.#parts);
    const known = hooks.needsStringTypes?.(this.model) === true ? { needsStringTypes: true } : {};
    const { dialect, traceparent } = this.#frame;
    const request = { dialect, model: this.model, body: this.#prompt, traceparent, ...known };
    this.#parts = [];
    const { signal } = this.#abort;
    const callHooks = { loading: this.#loading, stalled: this.#stalled };
    return callBackend({ backend, clock, request, hooks: callHooks }, signal);
  }

  async #relay(response: BackendResponse, reader: BodyReader): Promise<void> {
    const { dialect } = this.#frame;
    const { status, contentType } = response;
    // A redirect is not followed, and is no answer.
    if (!isOk(response)) throw JobFailure.ofStatus(status, await reader.readUpTo(LIMITS.errorBodyBytes));
    const form = formOf(await reader.peek(), contentType);
    if (dialect === "embeddings" && form === "json") {
      this.#scan.count(await relayBody(reader, this.#sender));
      return;
    }
    if (form === "other" || dialect === "embeddings") {
      throw JobFailure.ofPlainBody(await reader.readUpTo(LIMITS.errorBodyBytes));
    }
    const source = form === "json" ? only(await unfoldBody(reader, dialect)) : this.#stream(reader);
    const heard = (content: boolean): void => {
      if (!content) return;
      this.#timer.content();
      this.#liveness.content(this.#scan.tokens, this.#fold !== undefined);
    };
    const relay = { pieces: piecesOf(source), sender: this.#sender, scan: this.#scan };
    const fold = this.#fold;
    if (fold === undefined) await relayEvents({ ...relay, hooks: { heard } });
    else await relayWhole({ ...relay, hooks: { heard, body: () => fold.body() } });
  }

  #stream(reader: BodyReader): ChunkSource {
    const { clock, answerEndMs = ANSWER_END_MS } = this.#deps;
    return untilAnswered(reader, { clock, scan: this.#scan, endMs: answerEndMs });
  }

  readonly #loading = (answers: number): void => {
    this.#timer.loading();
    this.#liveness.loading(answers);
  };

  readonly #tell = ({ sign, counter, scope }: Sign): void => {
    if (this.#over) return;
    const told = scope === "request" ? { sign, counter } : { sign, counter, scope };
    this.#deps.outlet.send({ type: "working", stream: this.#frame.stream, ...told });
  };

  readonly #stalled = (): void => this.#abort.abort(JobFailure.stalled());

  #complete(): void {
    if (this.#over) return;
    const usage = this.#usage;
    this.#over = true;
    this.#log.debug({ ms: this.#elapsedMs, ...usage }, "job completed");
    this.#deps.statistics.record(this.model, "served", usage, this.#timings(usage));
    this.#deps.outlet.send({ type: "complete", stream: this.#frame.stream, usage });
    if (this.#receipt !== undefined) this.#deps.hooks.afterwards(this.#certify(this.#receipt, usage));
    this.#deps.hooks.ended();
  }

  /**
   * The prefill rate is taken from tokens that were really processed: not from cached ones, and from none where the
   * server does not say how many were cached.
   */
  #timings(usage: Usage): JobTimings {
    const { knowsCached } = this.#scan;
    const { prefillMs: ms, decodeMs } = this.#timer;
    const tokens = usage.prompt_tokens - (usage.cached_tokens ?? 0);
    const prefill = this.#scan.prefill ?? (knowsCached && ms !== undefined ? { tokens, ms } : undefined);
    return {
      ...(prefill === undefined ? {} : { prefill }),
      ...(decodeMs === undefined || this.#sender.heldUp ? {} : { decodeMs }),
    };
  }

  /** The answer is out: it does not wait for its receipt, and stays good without one. */
  async #certify(receipt: ReceiptBuilder, usage: Usage): Promise<void> {
    const { lastSeq } = this.#sender;
    try {
      const signed = await receipt.finish({ usage, lastSeq });
      this.#deps.outlet.send({ type: "receipt", stream: this.#frame.stream, ...signed });
    } catch (error) {
      this.#log.warn({ problem: describeFault(error) }, "no receipt");
    }
  }

  #fail(failure: JobFailure): void {
    if (this.#over) return;
    const { told, body, cause } = failure;
    if (told.code !== "cancelled") {
      const problem = cause === undefined ? undefined : describeFault(cause);
      this.#log.warn({ ...told, ms: this.#elapsedMs, problem }, "job failed");
    }
    const sealed = body === undefined ? {} : { sealed_body: this.#sealed(body) };
    this.#deps.outlet.send({ type: "error", stream: this.#frame.stream, usage: this.#usage, ...told, ...sealed });
    this.#end(failure);
  }

  /** Seals the backend's error as the next and last chunk of the answer. */
  #sealed(body: Uint8Array): string {
    const { response } = this.#deps.opener;
    return Buffer.from(response.seal(body.subarray(0, LIMITS.errorBodyBytes), true)).toString("base64url");
  }

  #end(reason: JobFailure): void {
    if (this.#over) return;
    this.#over = true;
    const { model } = this.#frame;
    this.#deps.statistics.record(model, reason.told.code === "cancelled" ? "cancelled" : "failed", this.#usage);
    this.#sender.close();
    this.#abort.abort(reason);
    this.#parts = [];
    this.#prompt = undefined;
    this.#deps.hooks.ended();
  }

  get #usage(): Usage {
    return this.#scan.settledUsage(this.#prompt);
  }

  get #elapsedMs(): number {
    return Math.round(this.#deps.clock.now() - this.#startedAt);
  }
}

function foldFor({ dialect, delivery, request_id, model }: RequestFrame): WholeFold | undefined {
  if (delivery !== "whole" || dialect === "embeddings") return undefined;
  const created = Math.floor(systemWallTime() / 1000);
  return createWholeFold(dialect, { requestId: request_id, model, created });
}

const isOk = ({ status }: BackendResponse): boolean => status >= 200 && status <= 299;

function scanOf({ dialect }: RequestFrame, liveness: Liveness, fold: WholeFold | undefined): EventScan {
  // An embeddings answer has no events.
  const name = dialect === "embeddings" ? "chat_completions" : dialect;
  return new EventScan(name, {
    progress: (progress) => liveness.progress(progress),
    stirred: () => liveness.stirred(),
    ...(fold === undefined ? {} : { parsed: (parsed: unknown) => fold.add(parsed) }),
  });
}
