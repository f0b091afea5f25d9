import { setTimeout as delay } from "node:timers/promises";
import { SetUpError } from "../setup/set-up-error.js";

const POLL_MS = 100;
const COORDINATOR_DEADLINE_MS = 30_000;
const COMPLETION_DEADLINE_MS = 80_000;
const REQUEST_TIMEOUT_MS = 30_000;
const PAYMENT_REQUIRED = 402;

/**
 * Waits until the coordinator answers at all.
 * @param {string} origin
 * @param {AbortSignal} signal
 */
export async function waitForCoordinator(origin, signal) {
  await poll(
    async () => {
      const response = await request(`${origin}/livez`, {}, signal);
      return response.ok ? true : undefined;
    },
    { what: "The coordinator does not answer", deadlineMs: COORDINATOR_DEADLINE_MS, signal },
  );
}

/**
 * Waits until a real completion is served, which is what "ready" means to a consumer, or refused for its price alone.
 * @param {string} origin
 * @param {string} apiKey
 * @param {AbortSignal} signal
 * @returns {Promise<{ model: string, isPaid: boolean }>} the model that served it; not paid = there is too little to spend
 */
export async function waitForCompletion(origin, apiKey, signal) {
  return await poll(
    async () => {
      const ready = await request(`${origin}/readyz`, {}, signal);
      if (!ready.ok) throw new Error(`/readyz says ${ready.status}`);
      const model = await firstModel(origin, apiKey, signal);
      if (model === undefined) throw new Error("no model is offered yet");
      return { model, isPaid: await complete({ origin, apiKey, model }, signal) };
    },
    { what: "No completion could be served", deadlineMs: COMPLETION_DEADLINE_MS, signal },
  );
}

async function firstModel(origin, apiKey, signal) {
  const response = await request(`${origin}/v1/models`, { headers: { authorization: `Bearer ${apiKey}` } }, signal);
  if (!response.ok) throw new Error(`/v1/models says ${response.status}: ${await response.text()}`);
  const { data } = await response.json();
  return data[0]?.id;
}

/** @returns {Promise<boolean>} whether there was enough to pay for it */
async function complete({ origin, apiKey, model }, signal) {
  const body = JSON.stringify({ model, max_tokens: 8, messages: [{ role: "user", content: "Hello" }] });
  const headers = { authorization: `Bearer ${apiKey}`, "content-type": "application/json" };
  const response = await request(`${origin}/v1/chat/completions`, { method: "POST", headers, body }, signal);
  const text = await response.text();
  if (response.status === PAYMENT_REQUIRED) return false;
  if (!response.ok) throw new Error(`the first completion failed with ${response.status}: ${text}`);
  if (!JSON.parse(text).choices[0].message.content) throw new Error(`the first completion was empty: ${text}`);
  return true;
}

function request(url, init, signal) {
  return fetch(url, { ...init, signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]) });
}

/**
 * Repeats `attempt` until it gives a value. An attempt that throws is one that came too early.
 * @template T
 * @param {() => Promise<T | undefined>} attempt
 * @param {{ what: string, deadlineMs: number, signal: AbortSignal }} options
 * @returns {Promise<T>}
 */
async function poll(attempt, { what, deadlineMs, signal }) {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    let problem = "no answer";
    try {
      const value = await attempt();
      if (value !== undefined) return value;
    } catch (error) {
      problem = error.cause?.code ?? error.message;
    }
    signal.throwIfAborted();
    if (performance.now() > deadline) throw new SetUpError(`${what} within ${deadlineMs / 1000} s: ${problem}.`);
    await delay(POLL_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}
