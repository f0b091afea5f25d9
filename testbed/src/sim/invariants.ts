import { LIED_TOKENS } from "./attempt-plans.js";
import { BUILDS } from "./draw-scenario.js";
import type { AttemptRecord, RequestRecord } from "./journal.js";
import {
  CANCEL_BOUND_MS,
  GAP_MS,
  hasCost,
  isOpen,
  isRunning,
  MAX_ATTEMPTS,
  MAX_COSTLY,
  MAX_QUEUE,
  mayComeAgain,
  patienceEnd,
  RECHECK_MS,
  SIGNS_ALONE_MS,
  SLACK_MS,
} from "./rules.js";
import { waitsInVain } from "./waiting.js";
import type { World } from "./world.js";

/** Something that must hold after every event. */
export interface Invariant {
  readonly name: string;
  /** @returns what is wrong */
  readonly broken: (world: World) => string | undefined;
}

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
    const { contents, clean } = committedOn;
    return contents > 0 || clean ? undefined : `request ${plan.index} got preamble of ${winner.id} alone`;
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
  ofRequests("a request is tried six times at most, and three that cost time", ({ attempts, plan }, { time }) => {
    if (attempts.length > MAX_ATTEMPTS) return `request ${plan.index} was tried ${attempts.length} times`;
    const costly = attempts.filter((attempt) => hasCost(attempt, time.now())).length;
    if (costly > MAX_COSTLY) return `request ${plan.index} was tried ${costly} times that cost it time`;
    return attempts.filter((attempt) => attempt.role === "backup").length > 1
      ? `request ${plan.index} had two backups`
      : undefined;
  }),
  ofRequests("a provider is tried once more where that may help, and no oftener", ({ attempts, plan }) => {
    for (const [nth, attempt] of attempts.entries()) {
      const { provider } = attempt.connection;
      const [before, ...more] = attempts.slice(0, nth).filter((each) => each.connection.provider === provider);
      if (more.length > 0) return `request ${plan.index} went to p${provider} thrice`;
      if (before !== undefined && !mayComeAgain(before, attempt))
        return `request ${plan.index} went to p${provider} again for nothing`;
    }
    return undefined;
  }),
  ofRequests("two run at once only for speed's sake", ({ attempts, plan }) => {
    const running = attempts.filter(isRunning);
    if (running.length > 2) return `request ${plan.index} runs ${running.length} times at once`;
    const isExtra = running.some(({ role }) => role === "overtake" || role === "backup");
    return running.length === 2 && !isExtra ? `request ${plan.index} runs twice, and neither is beside` : undefined;
  }),
  ofRequests("nobody waits beyond an estimate for somebody who is idle", waitsInVain),
  ofRequests("nothing goes elsewhere after the commit", ({ attempts, firstByteAt, plan }) => {
    const late = attempts.find((attempt) => firstByteAt !== undefined && attempt.openedAt > firstByteAt);
    return late === undefined ? undefined : `request ${plan.index} was sent to another provider after its first byte`;
  }),
  {
    name: "who is late is let go only when another has its place",
    broken: ({ journal }) => {
      for (const { request, id } of journal.letGo) {
        const goesOn = request.attempts.some(isRunning) || request.winner !== undefined;
        if (isOpen(request) && !goesOn) return `${id} of request ${request.plan.index} was, for nobody`;
      }
      return undefined;
    },
  },
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
      // What a machine was sent away with counts as load of its new connection.
      const extra = new Map<number, number>();
      for (const { session, openAttempts, provider } of journal.connections) {
        if (session === undefined) continue;
        let places = 0;
        for (const model of BUILDS) places += session.inFlight(model);
        extra.set(provider, (extra.get(provider) ?? 0) + places - openAttempts.size);
        if (session.openStreams !== openAttempts.size)
          return `p${provider} has ${session.openStreams} streams for ${openAttempts.size} attempts`;
      }
      for (const [provider, more] of extra) if (more !== 0) return `p${provider} has ${more} slots too many`;
      return undefined;
    },
  },
  ofRequests("nothing moves the end of patience but an answer that was being written", (request, world) => {
    const { attempts, plan } = request;
    if (!isOpen(request) || attempts.some((attempt) => attempt.writing && isRunning(attempt))) return undefined;
    const over = world.time.now() - patienceEnd(request);
    return over > SLACK_MS ? `request ${plan.index} has waited ${Math.round(over)} ms longer than it may` : undefined;
  }),
  ofRequests("a stall behind content is told", (request, world) => {
    const { winner, terminals, goneAt, blockedSince, lastUnblockedAt, doneAt, plan } = request;
    if (winner === undefined || terminals.length > 0 || goneAt !== undefined || doneAt !== undefined) return undefined;
    if (blockedSince !== undefined) return undefined;
    const began = Math.max(lastUnblockedAt, request.firstByteAt ?? 0);
    const silentMs = world.time.now() - Math.max(winner.lastSignAt, began);
    const contentlessMs = world.time.now() - Math.max(winner.lastContentAt, began);
    return silentMs > GAP_MS + SLACK_MS || contentlessMs > SIGNS_ALONE_MS + SLACK_MS
      ? `request ${plan.index} has heard nothing for ${Math.round(silentMs)} ms, and no word for ${Math.round(contentlessMs)}`
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
    broken: ({ journal, time }) => {
      // What a verdict lets somebody take is seen when the queue looks again, and so is what time alone has brought.
      if (!journal.fleetChanged || time.now() - journal.lastVerdictAt <= RECHECK_MS + SLACK_MS) return undefined;
      for (const waiter of journal.waiters)
        if (journal.changedModels.has(waiter.model) && waiter.isEligibleNow())
          return `a request for ${waiter.model} waits although there is room`;
      return undefined;
    },
  },
  {
    name: "nobody waits for ever",
    broken: ({ journal, time }) => {
      for (const { model, until } of journal.waiters) {
        const over = time.now() - until;
        if (over > SLACK_MS) return `a request for ${model} has waited ${Math.round(over)} ms too long`;
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
  found("nobody is refused who could be served"),
  found("nobody is told of a time-out before the time is over"),
  found("few overtake others"),
  found("nobody is out for what is not its own"),
  found("nothing starts on a provider that is out"),
  found("who was tried comes behind all others"),
  found("the queue is first in, first out"),
  found("newcomers do not overtake"),
  found("the coordinator speaks the protocol"),
  found("the coordinator sends where it has picked"),
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
