import { type Evaluation, type HearthError, NO_ATTEMPTS, type Search } from "@hearth/coordinator/internals";
import { evaluateAll, isFree, isIdle, isOnlyCooling, isOnlyOut, isWell } from "./fleet-view.js";
import type { AttemptRecord, RequestRecord } from "./journal.js";
import { hasTriesLeft, patienceEnd, RECHECK_MS, SLACK_MS } from "./rules.js";
import { isUnlike } from "./waiting.js";
import type { World } from "./world.js";

/** What is refused for other reasons than that nobody is there. */
const BESIDE_THE_POINT: ReadonlySet<HearthError["code"]> = new Set([
  "cancelled",
  "shutting_down",
  "internal",
  "queue_full",
]);
const TIMED_OUT: ReadonlySet<HearthError["code"]> = new Set([
  "provider_timeout",
  "answer_stalled",
  "model_load_timeout",
]);
/** Rule 12: who is out may be tried for want of others so long after its last fault; and the queue looks each second, ms. */
const EARLY_PROBE_MS = 6_000;

/** What waited in the queue for as long as it may is told so. */
const WAITED: ReadonlySet<HearthError["code"]> = new Set(["no_capacity", "machine_busy"]);
/** Rule 12: who refused is believed to have room again after this, without a word of it, and the queue looks each second, ms. */
const DISBELIEF_MS = 15_000;

/** A request has been refused: before its time is over, only because nobody is left who could serve it. */
export function checkRefusal(world: World, request: RequestRecord, { code }: HearthError): void {
  const { journal, time } = world;
  const { attempts, plan } = request;
  const now = time.now();
  if (request.goneAt !== undefined || BESIDE_THE_POINT.has(code) || now >= patienceEnd(request) - SLACK_MS) return;
  // A backend may say by itself that its time was over.
  const isBackends = attempts.some(({ failure }) => failure?.kind === "fault" && failure.likeness === undefined);
  if (TIMED_OUT.has(code) && !isBackends) {
    journal.find("nobody is told of a time-out before the time is over", `request ${plan.index}: ${code}`);
  }
  if (!hasTriesLeft(request, now) || attempts.filter(({ failure }) => failure?.kind === "rejected").length > 1) return;
  for (const search of searchesOf(request, world)) {
    // Whether somebody free was overlooked is asked while it waits: what frees up by itself is seen within a second.
    const able = whoIsAble(request, search, world, !WAITED.has(code));
    if (able !== undefined) {
      const said = `request ${plan.index}: ${code}, although there was ${able.provider.name}`;
      journal.find("nobody is refused who could be served", said);
    }
  }
}

/** On each of the builds that it may run on. */
function searchesOf({ wanted, plan }: RequestRecord, { coordinator }: World): Search[] {
  const alias = coordinator.catalog.aliases.get(plan.model);
  if (wanted === undefined) return [];
  const builds = alias === undefined ? [plan.model] : [alias.desired, alias.previous ?? alias.desired];
  return builds.map((model) => ({ traits: { ...wanted.traits, model }, history: NO_ATTEMPTS }));
}

/**
 * Somebody free who was not tried; where nobody is well, one that is out, or one that is cooled and that nobody is trying;
 * where all those are busy, an idle one that is out.
 */
function whoIsAble(
  { attempts }: RequestRecord,
  search: Search,
  world: World,
  countsFree: boolean,
): Evaluation | undefined {
  const { breaker } = world.coordinator;
  const now = world.time.now();
  const last = attempts.reduce<AttemptRecord | undefined>(
    (late, each) => (endOf(each) >= endOf(late) ? each : late),
    undefined,
  );
  const rejected = last?.failure?.kind === "rejected";
  const others = evaluateAll(world, search).filter(
    (each) =>
      attempts.every(({ connection }) => connection.session?.id !== each.provider.id) &&
      (!rejected || isUnlike(each, search.traits.model, attempts)),
  );
  const free = others.find(isFree);
  if (free !== undefined) return countsFree ? free : undefined;
  const isSomebodyWell = others.some(isWell);
  const oldEnough = (each: Evaluation): boolean =>
    now - breaker.lastFaultAt(each.provider, search.traits) > EARLY_PROBE_MS;
  const isUnclaimed = ({ probe }: Evaluation): boolean => probe !== "claimed";
  const mayServe = isSomebodyWell
    ? (each: Evaluation) => isOnlyOut(each) && isIdle(each) && isUnclaimed(each) && oldEnough(each)
    : (each: Evaluation) => isOnlyOut(each) || (isOnlyCooling(each) && isUnclaimed(each));
  return others.find((each) => mayServe(each) && !hasJustRefused(each, world));
}

const endOf = (attempt: AttemptRecord | undefined): number => attempt?.overAt ?? Number.NEGATIVE_INFINITY;

/** It is believed to have room only since a moment ago, or it is not. */
function hasJustRefused({ provider }: Evaluation, { journal, time }: World): boolean {
  const since = time.now() - DISBELIEF_MS - RECHECK_MS - SLACK_MS;
  for (const { failure, connection, overAt } of journal.attempts.values()) {
    const isRefusal = failure?.kind === "refusal" && connection.session?.id === provider.id;
    if (isRefusal && overAt !== undefined && overAt >= since) return true;
  }
  return false;
}
