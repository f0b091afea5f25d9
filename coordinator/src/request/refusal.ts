import type { Clock } from "@hearth/platform";
import type { RequestId } from "@hearth/protocol";
import type { Principal } from "../accounts/principal.js";
import type { UsageWriter } from "../ledger/usage-writer.js";
import type { HearthError } from "../platform/errors.js";
import type { InferenceRequest } from "./inference-request.js";
import type { Entrance } from "./request-record.js";
import { endUserOf } from "./usage-of.js";

/** How far a request has come that may yet be refused. */
export interface Progress {
  /** What it asks for, once its body was read. */
  request?: InferenceRequest;
  /** It has a record of its own from then on: `settle` keeps what it used. */
  isAdmitted: boolean;
}

/** A request of somebody who is known, for which no machine was asked. */
export interface Refused {
  readonly id: RequestId;
  readonly principal: Principal;
  readonly entrance: Entrance;
  readonly progress: Progress;
  /** On the coordinator's clock, ms. */
  readonly arrivedAt: number;
  readonly error: HearthError;
}

export interface RefusalDeps {
  readonly clock: Clock;
  readonly settlement: { readonly usage: Pick<UsageWriter, "refused"> };
}

/** Keeps that a request was refused, and why: its owner finds it among the others. */
export function keepRefusal({ clock, settlement }: RefusalDeps, refused: Refused): void {
  const { id, principal, entrance, progress, arrivedAt, error } = refused;
  const { request, isAdmitted } = progress;
  if (isAdmitted) return;
  const durationMs = Math.round(clock.now() - arrivedAt);
  const stream = request === undefined ? {} : { stream: request.stream };
  const usage = {
    requestId: id,
    atMs: Math.round(clock.wallTime()) - durationMs,
    account: principal.account,
    keyId: principal.keyId,
    modelAsked: request?.model ?? "",
    model: "",
    providerId: "",
    outcome: "refused",
    requests: 1,
    ...entrance,
    endUser: endUserOf(principal, request),
    tags: principal.tags,
    promptTokens: 0,
    cachedTokens: 0,
    completionTokens: 0,
    estimated: false,
    costMicroUsd: 0,
    durationMs,
    firstContentMs: undefined,
    facts: JSON.stringify({ code: error.code, ...stream }),
  } as const;
  settlement.usage.refused(usage, error.code);
}
