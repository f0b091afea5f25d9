import { LIMITS } from "@hearth/protocol";
import type { Backend, BackendRequest, BackendResponse } from "../backends/backend.js";
import { type Clock, sleep } from "../platform/clock.js";
import { BodyReader } from "./body-reader.js";

/** How often a backend that loads its model is asked again, ms. */
const LOAD_RETRY_MS = 500;

export interface BackendCall {
  readonly backend: Backend;
  readonly clock: Clock;
  readonly request: BackendRequest;
  /** The backend is loading; called more than once. */
  readonly loading: () => void;
  /** The backend has begun an error and fallen silent: what waits for it is to be aborted. */
  readonly stalled: () => void;
}

/**
 * Sends a request to the backend and waits for the headers of its answer, asking again while it loads the model. How
 * long that may take is the caller's to say, with the signal.
 *
 * @throws Error when no answer comes, or the signal aborts
 */
export async function callBackend(call: BackendCall, signal: AbortSignal): Promise<BackendResponse> {
  const { backend, clock, request, loading, stalled } = call;
  for (;;) {
    const response = await backend.open(request, signal);
    if (response.status !== 503) return response;
    const body = await readError(response, clock, stalled);
    if (!isLoading(body)) return { ...response, body: only(body) };
    loading();
    await sleep(clock, LOAD_RETRY_MS, signal);
  }
}

async function readError(response: BackendResponse, clock: Clock, stalled: () => void): Promise<Buffer> {
  using reader = new BodyReader(response.body, clock, stalled);
  return await reader.readUpTo(LIMITS.errorBodyBytes);
}

/** llama.cpp has no other mark for it: the type of this error is that of every 503. */
function isLoading(body: Buffer): boolean {
  return body.includes("Loading model");
}

async function* only(body: Buffer): AsyncGenerator<Uint8Array> {
  yield body;
}
