import type { Clock } from "@hearth/platform";
import type { UsageWriter } from "../ledger/usage-writer.js";
import type { HearthError } from "../platform/errors.js";
import type { Arrival, RequestWatch } from "./request-watch.js";
import { endUserOf } from "./usage-of.js";

/** A request of somebody who is known, for which no machine was asked. */
export interface Refused extends Arrival {
  readonly error: HearthError;
}

export interface RefusalDeps {
  readonly clock: Clock;
  readonly settlement: { readonly usage: Pick<UsageWriter, "refused">; readonly watch?: RequestWatch | undefined };
}

/** Keeps that a request was refused, and why: its owner finds it among the others. */
export function keepRefusal({ clock, settlement }: RefusalDeps, refused: Refused): void {
  const { id, principal, entrance, progress, arrivedAt, error } = refused;
  const { request, record } = progress;
  if (record !== undefined) return;
  settlement.watch?.refused(refused, error);
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
