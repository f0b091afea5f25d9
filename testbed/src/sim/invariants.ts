import { DEFAULT_POLICY } from "@hearth/coordinator/internals";
import { LIED_TOKENS } from "./attempt-plans.js";
import type { AttemptRecord, RequestRecord } from "./journal.js";
import type { World } from "./world.js";

/** Something that must hold after every event. */
export interface Invariant {
  readonly name: string;
  /** @returns what is wrong */
  readonly broken: (world: World) => string | undefined;
}

/** Timers are up to this late, and frames and promises take a moment, ms. */
const SLACK_MS = 50;
/** Losers and orphans are told to stop within this, ms (docs/dispatch.md, rules 6 and 11). */
const CANCEL_BOUND_MS = 1_000;
// The design's own numbers, not the code's: a bug may be in the code's.
/** §7, requests that wait for one model. */
const MAX_QUEUE = 64;
/** §7. */
const MAX_WAIT_MS = 120_000;

export const INVARIANTS: readonly Invariant[] = [
  ofRequests("a request ends once", ({ terminals, sentAfterEnd, doneAt, goneAt, plan }) => {
    if (terminals.length > 1) return `request ${plan.index} ended ${terminals.length} times`;
    if (sentAfterEnd) return `request ${plan.index} was sent something behind its end`;
    if (doneAt !== undefined && terminals.length === 0 && goneAt === undefined)
      return `request ${plan.index} ended without a word`;
    return undefined;
  }),
  ofRequests("the coordinator does not fail by itself", ({ crash, plan }) =>
    crash === undefined ? undefined : `request ${plan.index}: ${crash instanceof Error ? crash.stack : String(crash)}`,
  ),
  ofRequests("no byte comes before the commit", ({ written, winner, committedOn, plan }) => {
    if (written.length === 0) return undefined;
    if (winner === undefined || committedOn === undefined) return `request ${plan.index} got bytes of nobody's attempt`;
    const { contents, events, heldBytes, clean } = committedOn;
    const due =
      contents > 0 || clean || events > DEFAULT_POLICY.heldChunksMax || heldBytes > DEFAULT_POLICY.heldBytesMax;
    return due ? undefined : `request ${plan.index} got preamble of ${winner.id} alone`;
  }),
  ofRequests("a transcript is the prefix of one attempt", ({ foreignWrite, winner, plan }) =>
    foreignWrite === undefined
      ? undefined
      : `event ${foreignWrite} of request ${plan.index} is not what ${winner?.id} sent`,
  ),
  ofRequests("success is the whole of a clean answer", ({ terminals, written, winner, attempts, plan }) => {
    const end = terminals[0];
    if (end?.type !== "complete") return undefined;
    const clean =
      written.length === 0 ? attempts.find((attempt) => attempt.completed && attempt.events.length === 0) : winner;
    if (clean?.completed === undefined) return `request ${plan.index} succeeded on a stream that did not end well`;
    if (written.length !== clean.events.length) return `request ${plan.index} lost the end of its answer`;
    const [counted, told] = [end.usage.completion_tokens, clean.completed.completion_tokens];
    if (told === LIED_TOKENS && counted === told) return `request ${plan.index} was charged for a lie`;
    if (told !== LIED_TOKENS && counted !== told) return `request ${plan.index} has another's usage`;
    return undefined;
  }),
  ofRequests(
    "a failure behind the first byte is told in-band, one before it is not",
    ({ terminals, written, plan }) => {
      const end = terminals[0];
      if (end?.type === "refused" && written.length > 0)
        return `request ${plan.index} got a status behind its first byte`;
      if (end?.type === "failed_in_band" && written.length === 0)
        return `request ${plan.index} got an error in a stream that never began`;
      return undefined;
    },
  ),
  ofRequests(
    "a request is tried three times at most, once on a connection and twice on a provider",
    ({ attempts, plan }) => {
      if (attempts.length > DEFAULT_POLICY.maxAttempts)
        return `request ${plan.index} was tried ${attempts.length} times`;
      if (attempts.filter((attempt) => attempt.role === "backup").length > 1)
        return `request ${plan.index} had two backups`;
      const connections = new Set(attempts.map(({ connection }) => connection));
      if (connections.size < attempts.length) return `request ${plan.index} went to one connection twice`;
      const providers = new Set(attempts.map(({ connection }) => connection.provider));
      return attempts.length - providers.size > 1 ? `request ${plan.index} went to one provider thrice` : undefined;
    },
  ),
  ofRequests("two attempts at most run at once", ({ attempts, plan }) => {
    const running = attempts.filter((attempt) => attempt.overAt === undefined).length;
    return running > 2 ? `request ${plan.index} runs ${running} times at once` : undefined;
  }),
  ofRequests("nothing goes elsewhere after the commit", ({ attempts, firstByteAt, plan }) => {
    const late = attempts.find((attempt) => firstByteAt !== undefined && attempt.openedAt > firstByteAt);
    return late === undefined ? undefined : `request ${plan.index} was sent to another provider after its first byte`;
  }),
  {
    name: "losers and orphans are cancelled within a second",
    broken: (world) => {
      const now = world.time.now();
      for (const { openAttempts } of world.journal.connections) {
        for (const attempt of openAttempts) {
          const since = orphanedSince(attempt);
          if (since !== undefined && now - since > CANCEL_BOUND_MS)
            return `${attempt.id} of request ${attempt.request.plan.index} still runs`;
        }
      }
      return undefined;
    },
  },
  {
    name: "places are live attempts",
    broken: ({ journal }) => {
      // Places come with a pick and go with a change of the fleet; attempts come and go on the wire.
      if (!journal.placesTaken && !journal.fleetChanged && !journal.attemptsChanged) return undefined;
      for (const { session, openAttempts, provider } of journal.connections) {
        if (session === undefined) continue;
        let places = 0;
        for (const model of session.models.keys()) places += session.inFlight(model);
        const unloaded = [...openAttempts].filter((attempt) => !session.models.has(attempt.frame.model)).length;
        if (places + unloaded !== openAttempts.size)
          return `p${provider} has ${places} places for ${openAttempts.size} attempts`;
        if (session.openStreams !== openAttempts.size)
          return `p${provider} has ${session.openStreams} streams for ${openAttempts.size} attempts`;
      }
      return undefined;
    },
  },
  ofRequests("nothing moves the end of patience", (request, world) => {
    const { beganAt, firstByteAt, terminals, goneAt, plan } = request;
    if (beganAt === undefined || firstByteAt !== undefined || terminals.length > 0 || goneAt !== undefined)
      return undefined;
    const over = world.time.now() - (beganAt + DEFAULT_POLICY.patienceMs);
    return over > SLACK_MS ? `request ${plan.index} has waited ${Math.round(over)} ms longer than it may` : undefined;
  }),
  ofRequests("a stall behind content is told", (request, world) => {
    const { winner, terminals, goneAt, blockedSince, lastUnblockedAt, doneAt, plan } = request;
    if (winner === undefined || terminals.length > 0 || goneAt !== undefined || doneAt !== undefined) return undefined;
    if (blockedSince !== undefined) return undefined;
    const since = Math.max(winner.lastContentAt, lastUnblockedAt, request.firstByteAt ?? 0);
    const silentMs = world.time.now() - since;
    return silentMs > DEFAULT_POLICY.contentGapMs + SLACK_MS
      ? `request ${plan.index} has heard nothing for ${Math.round(silentMs)} ms`
      : undefined;
  }),
  ofRequests("who has gone is forgotten", ({ goneAt, doneAt, plan }, world) =>
    goneAt !== undefined && doneAt === undefined && world.time.now() - goneAt > CANCEL_BOUND_MS
      ? `request ${plan.index} goes on without its consumer`
      : undefined,
  ),
  {
    name: "the queue is bounded, and forgets who has gone",
    broken: ({ journal, coordinator }) => {
      const { queue } = coordinator.services.dispatch;
      const depths = new Map<string, number>();
      for (const waiter of journal.waiters) depths.set(waiter.model, (depths.get(waiter.model) ?? 0) + 1);
      for (const [model, depth] of depths) if (depth > MAX_QUEUE) return `${depth} wait for ${model}`;
      return queue.total === journal.waiters.size
        ? undefined
        : `${queue.total} queued, ${journal.waiters.size} waiting`;
    },
  },
  {
    name: "nobody waits who could be served",
    broken: ({ journal }) => {
      if (!journal.fleetChanged) return undefined;
      for (const waiter of journal.waiters)
        if (waiter.isEligibleNow()) return `a request for ${waiter.model} waits although there is room`;
      return undefined;
    },
  },
  {
    name: "nobody waits for ever",
    broken: ({ journal, time }) => {
      for (const waiter of journal.waiters) {
        const waited = time.now() - waiter.since;
        if (waited > MAX_WAIT_MS + SLACK_MS) return `a request for ${waiter.model} has waited ${waited} ms`;
      }
      return undefined;
    },
  },
  {
    name: "one probe at a time",
    broken: ({ journal }) => {
      for (const [key, count] of journal.probes) if (count > 1) return `${count} probes of ${key}`;
      return undefined;
    },
  },
  {
    name: "credit is what was received",
    broken: ({ journal }) => {
      for (const { openAttempts } of journal.connections) {
        for (const attempt of openAttempts)
          if (attempt.grantedBytes > attempt.receivedBytes) return `${attempt.id} was granted too much`;
      }
      return undefined;
    },
  },
  found("only the guilty are cut off"),
  found("hedges stay within their budget"),
  found("nobody hedges while others wait"),
  found("the queue is first in, first out"),
  found("newcomers do not overtake"),
  found("the coordinator speaks the protocol"),
];

/** Seen at the moment it happened. */
function found(name: string): Invariant {
  return { name, broken: ({ journal }) => journal.findings.get(name) };
}

function ofRequests(name: string, broken: (request: RequestRecord, world: World) => string | undefined): Invariant {
  return {
    name,
    broken: (world) => {
      for (const request of world.journal.active) {
        const problem = broken(request, world);
        if (problem !== undefined) return problem;
      }
      return undefined;
    },
  };
}

/** Since when nobody wants this attempt's events any more. */
function orphanedSince(attempt: AttemptRecord): number | undefined {
  const { request } = attempt;
  const end = request.terminals[0]?.at ?? request.goneAt;
  if (end !== undefined) return end;
  return request.winner === undefined || request.winner === attempt ? undefined : request.firstByteAt;
}
