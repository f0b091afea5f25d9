import { CANCEL_REASONS, type CoordinatorFrame, type RequestFrame } from "./coordinator-frames.js";
import { BACKEND_DIALECTS, SLOT_STATES, type Slot, type Usage } from "./frame-members.js";
import { TRACEPARENT } from "./frame-primitives.js";
import { MAX_U32 } from "./ids.js";
import { LIMITS } from "./limits.js";
import { type ProviderFrame, type ReceiptText, THERMAL_STATES, WORKING_SIGNS } from "./provider-frames.js";

// The frames that every request or every idle provider brings, checked by hand, because the schemas take several times as long. The schemas
// stay what counts: a frame that is taken here is one that they take, to the same members, which a property test holds
// these functions to. What is not taken here is read by the schemas, which also know what is wrong with it.

type Heartbeat = Extract<ProviderFrame, { readonly type: "heartbeat" }>;
type Json = { readonly [member: string]: unknown };

/** @returns a frame of a provider that comes with every request, or all the time; `undefined` = the schemas are to read it */
export function frequentProviderFrame(value: Json): ProviderFrame | undefined {
  switch (value["type"]) {
    case "working":
      return workingOf(value);
    case "complete":
      return completeOf(value);
    case "receipt":
      return receiptOf(value);
    case "heartbeat":
      return heartbeatOf(value);
    default:
      return undefined;
  }
}

/** @returns a frame of a coordinator that comes with every request; `undefined` = the schemas are to read it */
export function frequentCoordinatorFrame(value: Json): CoordinatorFrame | undefined {
  switch (value["type"]) {
    case "request":
      return requestOf(value);
    case "credit":
      return creditOf(value);
    case "cancel":
      return cancelOf(value);
    default:
      return undefined;
  }
}

function workingOf({ stream, sign, counter, scope }: Json): ProviderFrame | undefined {
  if (!isStream(stream) || !isOneOf(sign, WORKING_SIGNS) || !isCount(counter)) return undefined;
  if (scope === undefined) return { type: "working", stream, sign, counter };
  return scope === "request" || scope === "server" ? { type: "working", stream, sign, counter, scope } : undefined;
}

function completeOf({ stream, usage: told }: Json): ProviderFrame | undefined {
  const usage = usageOf(told);
  return usage !== undefined && isStream(stream) ? { type: "complete", stream, usage } : undefined;
}

function usageOf(value: unknown): Usage | undefined {
  if (!isObject(value)) return undefined;
  const { prompt_tokens, completion_tokens, cached_tokens, estimated } = value;
  if (!isCount(prompt_tokens) || !isCount(completion_tokens)) return undefined;
  if (cached_tokens !== undefined && !isCount(cached_tokens)) return undefined;
  if (estimated !== undefined && estimated !== true) return undefined;
  return {
    ...{ prompt_tokens, completion_tokens },
    ...(cached_tokens === undefined ? {} : { cached_tokens }),
    ...(estimated === undefined ? {} : { estimated }),
  };
}

function receiptOf({ stream, blob, batch: told }: Json): ProviderFrame | undefined {
  const batch = batchOf(told);
  if (batch === undefined || !isStream(stream) || !isBase64url(blob, 2, LIMITS.blobBytes)) return undefined;
  return { type: "receipt", stream, blob, batch };
}

function batchOf(value: unknown): ReceiptText["batch"] | undefined {
  if (!isObject(value)) return undefined;
  const { blob, signature, index, proof } = value;
  if (!isBase64url(blob, 2, LIMITS.receiptBatchBytes) || !isBase64url(signature, 64, 64)) return undefined;
  if (!isInteger(index, 0, LIMITS.receiptsPerBatch - 1)) return undefined;
  if (!Array.isArray(proof) || proof.length > LIMITS.receiptProofHashes || !proof.every(isKey)) return undefined;
  return { blob, signature, index, proof };
}

const COUNTS = ["memory_free_bytes"] as const;
const FRACTIONS = ["memory_pressure", "cpu_load", "gpu_load"] as const;
const FLAGS = ["paused", "private_only"] as const;

function heartbeatOf(value: Json): ProviderFrame | undefined {
  const slots = slotsOf(value["slots"]);
  if (slots === undefined) return undefined;
  const heartbeat: Draft<Heartbeat> = { type: "heartbeat", slots };
  const { thermal } = value;
  if (thermal !== undefined) {
    if (!isOneOf(thermal, THERMAL_STATES)) return undefined;
    heartbeat.thermal = thermal;
  }
  const isTaken =
    take(value, heartbeat, COUNTS, isCount) &&
    take(value, heartbeat, FRACTIONS, isFraction) &&
    take(value, heartbeat, FLAGS, isFlag);
  return isTaken ? heartbeat : undefined;
}

function slotsOf(value: unknown): Slot[] | undefined {
  if (!Array.isArray(value) || value.length > LIMITS.modelsPerProvider) return undefined;
  const slots: Slot[] = [];
  for (const each of value) {
    const slot = slotOf(each);
    if (slot === undefined) return undefined;
    slots.push(slot);
  }
  return slots;
}

const BUDGETS = ["budget_max", "budget_used"] as const;
const RATES = ["decode_tps", "prefill_tps"] as const;

function slotOf(value: unknown): Slot | undefined {
  if (!isObject(value)) return undefined;
  const { model, state, running, queued } = value;
  if (!isId(model) || !isOneOf(state, SLOT_STATES) || !isCount(running) || !isCount(queued)) return undefined;
  const slot: Draft<Slot> = { model, state, running, queued };
  const isTaken =
    take(value, slot, ["max_concurrency"], isConcurrency) &&
    take(value, slot, BUDGETS, isCount) &&
    take(value, slot, RATES, isRate);
  return isTaken ? slot : undefined;
}

type Draft<T> = { -readonly [K in keyof T]: T[K] };

/** Takes over optional members that are there. @returns whether all of these are what they should be */
function take<K extends string, V>(
  from: Json,
  to: { [member in K]?: V | undefined },
  members: readonly K[],
  is: (value: unknown) => value is V,
): boolean {
  for (const member of members) {
    const value = from[member];
    if (value === undefined) continue;
    if (!is(value)) return false;
    to[member] = value;
  }
  return true;
}

function requestOf(value: Json): RequestFrame | undefined {
  const { stream, request_id, attempt_id, model, dialect, delivery, context_id, body_bytes } = value;
  if (!isStream(stream) || !isId(request_id) || !isId(attempt_id) || !isId(model)) return undefined;
  if (!isId(context_id) || !isOneOf(dialect, BACKEND_DIALECTS)) return undefined;
  if (delivery !== "interactive" && delivery !== "whole") return undefined;
  if (!isInteger(body_bytes, 0, LIMITS.forwardedBodyBytes)) return undefined;
  const request = { type: "request", stream, request_id, attempt_id, model, dialect, delivery, context_id } as const;
  const { traceparent } = value;
  if (traceparent === undefined) return { ...request, body_bytes };
  return isTraceparent(traceparent) ? { ...request, body_bytes, traceparent } : undefined;
}

const isTraceparent = (value: unknown): value is string => typeof value === "string" && TRACEPARENT.test(value);

function creditOf({ stream, bytes }: Json): CoordinatorFrame | undefined {
  return isStream(stream) && isInteger(bytes, 1, MAX_U32) ? { type: "credit", stream, bytes } : undefined;
}

function cancelOf({ stream, reason }: Json): CoordinatorFrame | undefined {
  return isStream(stream) && isOneOf(reason, CANCEL_REASONS) ? { type: "cancel", stream, reason } : undefined;
}

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isInteger = (value: unknown, min: number, max: number): value is number =>
  Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;

const isCount = (value: unknown): value is number => isInteger(value, 0, Number.MAX_SAFE_INTEGER);

const isConcurrency = (value: unknown): value is number => isInteger(value, 1, 4096);

const isNumber = (value: unknown, max: number): value is number =>
  typeof value === "number" && value >= 0 && value <= max;

const isFraction = (value: unknown): value is number => isNumber(value, 1);

const isRate = (value: unknown): value is number => isNumber(value, 1e7);

const isFlag = (value: unknown): value is boolean => typeof value === "boolean";

const isStream = (value: unknown): value is number => isInteger(value, 1, MAX_U32);

const isId = (value: unknown): value is string => typeof value === "string" && value.length >= 1 && value.length <= 128;

const isOneOf = <const T>(value: unknown, all: readonly T[]): value is T => all.includes(value as T);

const BASE64URL = /^[A-Za-z0-9_-]*$/;

/** As `base64url` of the schemas counts it: so many bytes. */
const isBase64url = (value: unknown, min: number, max: number): value is string =>
  typeof value === "string" &&
  value.length >= Math.ceil((min * 4) / 3) &&
  value.length <= Math.ceil((max * 4) / 3) &&
  BASE64URL.test(value);

const isKey = (value: unknown): value is string => isBase64url(value, 32, 32);
