import { type Clock, sleep } from "@hearth/platform";
import { LIMITS } from "@hearth/protocol";
import type { Backend, BackendRequest, BackendResponse } from "../backends/backend.js";
import { BodyReader } from "./body-reader.js";

/**
 * How long a backend may take until the first byte of its answer, ms. Some send headers at once and read the prompt
 * then, others only when there is something to say: headers are no sign of life.
 */
export const FIRST_BYTE_MS = 600_000;
/** How often a backend that loads its model is asked again, ms. */
const LOAD_RETRY_MS = 500;

export interface BackendCall {
  readonly backend: Backend;
  readonly clock: Clock;
  readonly request: BackendRequest;
  readonly hooks: BackendCallHooks;
}

export interface BackendCallHooks {
  /** The backend has answered that it is loading, so many times by now. */
  loading(answers: number): void;
  /** The backend has begun an error and fallen silent: abort what waits for it. */
  stalled(): void;
}

/**
 * Sends a request to the backend and waits for the headers of its answer, asking again while it loads the model. The
 * caller's signal bounds how long that may take.
 *
 * @throws Error when no answer comes, or the signal aborts
 */
export async function callBackend(call: BackendCall, signal: AbortSignal): Promise<BackendResponse> {
  const { backend, clock, request, hooks } = call;
  for (let answers = 1; ; answers++) {
    const response = await backend.open(request, signal);
    if (response.status !== 503) return response;
    const body = await readError(response, clock, hooks);
    if (!isLoading(body)) return { ...response, body: only(body) };
    hooks.loading(answers);
    await sleep(clock, LOAD_RETRY_MS, signal);
  }
}

async function readError(response: BackendResponse, clock: Clock, hooks: BackendCallHooks): Promise<Buffer> {
  using reader = new BodyReader(response.body, clock, hooks);
  return await reader.readUpTo(LIMITS.errorBodyBytes);
}

/** llama.cpp has no other mark for it: the type of this error is that of every 503. */
function isLoading(body: Buffer): boolean {
  return body.includes("Loading model");
}

async function* only(body: Buffer): AsyncGenerator<Uint8Array> {
  yield body;
}
