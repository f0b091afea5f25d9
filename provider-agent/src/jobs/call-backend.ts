import { LIMITS } from "@hearth/protocol";
import type { Backend, BackendRequest, BackendResponse } from "../backends/backend.js";
import { type Clock, sleep } from "../platform/clock.js";
import { BodyReader } from "./body-reader.js";

/** A backend that has not answered after this is taken to be loading, ms. */
export const ACCEPTED_AFTER_MS = 2_000;
/** How long a backend may load a model before it answers, ms, and how often it is asked meanwhile. */
export const LOAD_WINDOW_MS = 600_000;
const LOAD_RETRY_MS = 500;

export interface BackendCall {
  readonly backend: Backend;
  readonly clock: Clock;
  readonly request: BackendRequest;
  /** The backend is loading, or seems to be; called more than once. */
  readonly loading: () => void;
  /** The backend has had its time: what waits for it is to be aborted. */
  readonly stalled: () => void;
}

/**
 * Sends a request to the backend and waits for the headers of its answer, asking again while it loads the model.
 *
 * @throws Error when no answer comes, or the signal aborts
 */
export async function callBackend(call: BackendCall, signal: AbortSignal): Promise<BackendResponse> {
  const { backend, clock, request, loading, stalled } = call;
  const patience = clock.setTimer(ACCEPTED_AFTER_MS, loading);
  const limit = clock.setTimer(LOAD_WINDOW_MS, stalled);
  try {
    for (;;) {
      const response = await backend.open(request, signal);
      if (response.status !== 503) return response;
      const body = await readError(response, clock, stalled);
      if (!isLoading(body)) return { ...response, body: only(body) };
      loading();
      await sleep(clock, LOAD_RETRY_MS, signal);
    }
  } finally {
    patience[Symbol.dispose]();
    limit[Symbol.dispose]();
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
