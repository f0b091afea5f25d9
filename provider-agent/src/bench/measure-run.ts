import { parseProviderJson, SseSplitter } from "@hearth/dialects";
import { type Clock, describeFault } from "@hearth/platform";
import { LIMITS } from "@hearth/protocol";
import type { Backend, BackendResponse } from "../backends/backend.js";
import { BodyReader, STALL_MS } from "../jobs/body-reader.js";
import { callBackend } from "../jobs/call-backend.js";
import { JobFailure } from "../jobs/job-failure.js";
import { EVENT_LIMITS } from "../jobs/pieces.js";
import { AnswerReading } from "./answer-reading.js";
import { errorText } from "./error-text.js";
import { rateOf } from "./rate.js";

/** An answer of this size is not the one that was asked for, bytes. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** What one request has shown. What it has not is absent. */
export interface RunSample {
  /** From sending to the first content, ms; absent when the model had to be loaded first. */
  readonly firstTokenMs?: number;
  /** Tokens of the prompt, as the server counts them. */
  readonly promptTokens?: number;
  /** Those of them that it had to read. */
  readonly readTokens?: number;
  /** The server's own measurement, tokens per second. */
  readonly prefillTps?: number;
  readonly decodeTps?: number;
}

export type RunOutcome =
  | { readonly type: "measured"; readonly sample: RunSample }
  /** The server does not take the request as it is. */
  | { readonly type: "refused"; readonly problem: string }
  | { readonly type: "failed"; readonly problem: string };

export interface Run {
  readonly backend: Backend;
  readonly clock: Clock;
  readonly model: string;
  readonly body: Uint8Array;
  readonly hooks: RunHooks;
}

export interface RunHooks {
  /** The server loads the model; may be called more than once. */
  loading(): void;
}

/** Sends one request and reads its answer. Never rejects: the caller checks whether the signal has aborted. */
export async function measureRun(run: Run, signal: AbortSignal): Promise<RunOutcome> {
  const own = new AbortController();
  try {
    return await readAnswer(run, own, AbortSignal.any([signal, own.signal]));
  } catch (error) {
    if (own.signal.aborted) return failed(`it fell silent for ${STALL_MS / 1_000} s`);
    return failed(problemOf(error));
  } finally {
    // Whatever is still open of a call that did not end well.
    own.abort();
  }
}

async function readAnswer(run: Run, own: AbortController, signal: AbortSignal): Promise<RunOutcome> {
  const { backend, clock, model, body } = run;
  let loaded = false;
  const loading = (): void => {
    loaded = true;
    run.hooks.loading();
  };
  const stalled = (): void => own.abort();
  const hooks = { loading, stalled };
  const startedAt = clock.now();
  const request = { dialect: "chat_completions", model, body } as const;
  const response = await callBackend({ backend, clock, request, hooks }, signal);
  using reader = new BodyReader(response.body, clock, hooks);
  if (response.status >= 400 || !response.contentType.includes("event-stream")) return await noStream(response, reader);
  const answer = await readEvents(reader, clock);
  if (typeof answer === "string") return failed(answer);
  await reader.finish(stalled);
  return { type: "measured", sample: sampleOf(answer, loaded ? undefined : startedAt) };
}

async function noStream({ status }: BackendResponse, reader: BodyReader): Promise<RunOutcome> {
  const body = parseProviderJson((await reader.readUpTo(LIMITS.errorBodyBytes)).toString("utf8"));
  const error = typeof body === "object" && body !== null && "error" in body ? body.error : undefined;
  const told = error === undefined ? "" : `: ${errorText(error)}`;
  if (status < 400) return failed(error === undefined ? "it does not stream" : errorText(error));
  return { type: status === 400 || status === 422 ? "refused" : "failed", problem: `HTTP ${status}${told}` };
}

/** @returns what went wrong as text */
async function readEvents(reader: BodyReader, clock: Clock): Promise<AnswerReading | string> {
  const splitter = new SseSplitter(EVENT_LIMITS);
  const answer = new AnswerReading();
  let bytes = 0;
  for (let chunk = await reader.next(); chunk !== undefined && !answer.done; ) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) return "its answer has no end";
    for (const events of splitter.push(chunk)) answer.read(events, clock.now());
    if (answer.error !== undefined) return answer.error;
    if (!answer.done) chunk = await reader.next();
  }
  const last = splitter.finish();
  if (last !== undefined) answer.read(last.events, clock.now());
  if (answer.error !== undefined) return answer.error;
  if (!answer.done) return "its answer broke off";
  return answer.span === undefined ? "its answer was empty" : answer;
}

function sampleOf(answer: AnswerReading, startedAt: number | undefined): RunSample {
  const { span, usage, timings } = answer;
  const prefillTps = timings && rateOf("prefill", timings.prompt_n, timings.prompt_ms);
  const decodeTps = decodeRate(answer);
  return {
    ...(span === undefined || startedAt === undefined ? {} : { firstTokenMs: span.firstAt - startedAt }),
    ...(usage === undefined
      ? {}
      : { promptTokens: usage.prompt_tokens, readTokens: usage.prompt_tokens - (usage.cached_tokens ?? 0) }),
    ...(prefillTps === undefined ? {} : { prefillTps }),
    ...(decodeTps === undefined ? {} : { decodeTps }),
  };
}

/**
 * Tokens behind the first over the time between the first content and the last, which is what a consumer sees. An
 * answer that arrives at one go shows nothing of that; then the server's own timings count, if it gives any.
 */
function decodeRate({ span, tokensAfterFirst, timings }: AnswerReading): number | undefined {
  const seen = span && rateOf("decode", tokensAfterFirst, span.lastAt - span.firstAt);
  return seen ?? (timings && rateOf("decode", timings.predicted_n - 1, timings.predicted_ms));
}

const failed = (problem: string): RunOutcome => ({ type: "failed", problem });

function problemOf(error: unknown): string {
  if (error instanceof JobFailure) return "its answer cannot be read";
  const { code, name } = describeFault(error);
  return code ?? name;
}
