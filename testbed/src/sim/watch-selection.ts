import {
  type Picker,
  type PickResult,
  type Search,
  WaitQueue,
  type WaitRequest,
  type WaitResult,
} from "@hearth/coordinator/internals";
import { evaluateAll, isFree, isInTime, isWell } from "./fleet-view.js";
import { type PickRecord, pairKey, pickKey, type WaiterRecord } from "./journal.js";
import { FRESH_PATIENCE_MS } from "./rules.js";
import type { World } from "./world.js";

/** Rule 12: the shortest time that a breaker is open, and when such a provider may be tried for want of others, ms. */
const OPEN_MS = 30_000;
const EARLY_PROBE_MS = 5_000;

/** The real picker, with what it chose by written down, its probes counted and its slots checked against who waits. */
export function watchPicker(world: World, picker: Picker): Picker {
  const { journal } = world;
  return {
    slots: (traits) => picker.slots(traits),
    pick(search, look) {
      if (journal.admitting !== undefined) journal.admitting.wanted = search;
      const result = picker.pick(search, look);
      if (result.type !== "picked") return result;
      journal.placesTaken = true;
      if (journal.draining) noteServed(world, search);
      checkOvertaking(world, search);
      checkTriedBefore(world, search, result);
      checkOpened(world, search, result);
      checkCooled(world, search, result);
      return watchLease(world, search, result);
    },
  };
}

/** A request is known by its traits and by its memory of whom it has tried: the very objects. */
function noteServed({ journal }: World, { traits, history }: Search): void {
  for (const waiter of journal.waiters) {
    if (waiter.search.traits === traits && waiter.search.history === history) waiter.served = true;
  }
}

/** A slot that is taken without having waited must not have suited anybody who waits. */
function checkOvertaking({ journal }: World, search: Search): void {
  if (journal.draining || journal.waiters.size === 0) return;
  const sameness = samenessOf(search);
  for (const waiter of journal.waiters) {
    if (!waiter.served && waiter.sameness() === sameness)
      journal.find("newcomers do not overtake", `a waiter for ${search.traits.model} was`);
  }
}

/** Rule 2: who was tried comes behind all others. */
function checkTriedBefore(world: World, search: Search, { provider }: Picked): void {
  const { history, traits, expectedBefore } = search;
  if (expectedBefore !== undefined || !history.has(provider)) return;
  const others = evaluateAll(world, search).filter((each) => isFree(each) && !history.has(each.provider.id));
  if (others.length > 0) {
    const names = others.map((each) => each.provider.name);
    world.journal.find("who was tried comes behind all others", `for ${traits.model}, although there was ${names}`);
  }
}

/**
 * Rule 12: who is out is left alone for 30 s, unless it is another program by now, nobody who is well is left, or all of
 * those are busy while it is idle and has not failed for 5 s.
 */
function checkOpened(world: World, search: Search, { provider: id }: Picked): void {
  const { journal, time } = world;
  const { model, shape } = search.traits;
  const opening = journal.openings.get(pairKey(id, model, shape));
  const outMs = opening === undefined ? OPEN_MS : time.now() - opening.at;
  if (opening === undefined || outMs >= OPEN_MS) return;
  const all = evaluateAll(world, search);
  const picked = all.find(({ provider }) => provider.id === id);
  if (picked === undefined || picked.provider.agentVersion !== opening.version) return;
  const others = all.filter(({ provider }) => provider !== picked.provider && !isOpened(world, provider.id, search));
  const free = others.some((each) => isFree(each) && isInTime(each, search, time.now()));
  const isProbe = time.now() - opening.faultAt >= EARLY_PROBE_MS && picked.provider.load(model) === 1;
  if (free || (others.some(isWell) && !isProbe)) {
    journal.find("nothing starts on a provider that is out", `${picked.provider.name} got a request for ${model}`);
  }
}

/** Rule 12: who is cooled for refusals is tried by one request at a time. */
function checkCooled({ journal, coordinator }: World, { traits }: Search, { provider, lease }: Picked): void {
  const session = coordinator.registry.link(provider);
  if (session === undefined || lease.probe || !coordinator.breaker.isCapacityCooled(session, traits.model)) return;
  journal.find("nothing starts on a provider that is out", `${session.name} got one more request for ${traits.model}`);
}

function isOpened({ journal, time }: World, provider: string, { traits }: Search): boolean {
  const opening = journal.openings.get(pairKey(provider, traits.model, traits.shape));
  return opening !== undefined && time.now() - opening.at < OPEN_MS;
}

type Picked = Extract<PickResult, { type: "picked" }>;

function watchLease({ journal }: World, search: Search, picked: Picked): Picked {
  const { provider, lease, expectation } = picked;
  const { model, shape } = search.traits;
  const { estimateMs, byDefault } = expectation;
  const pick: PickRecord = { search, estimateMs, byDefault, probe: lease.probe, waited: journal.draining };
  const unsent = journal.picks.get(pickKey(provider, model)) ?? [];
  journal.picks.set(pickKey(provider, model), unsent);
  unsent.push(pick);
  const key = pairKey(provider, model, shape);
  if (lease.probe) journal.count("probe");
  if (lease.probe) journal.probes.set(key, (journal.probes.get(key) ?? 0) + 1);
  let over = false;
  return {
    ...picked,
    lease: {
      ...lease,
      judge(verdict, at) {
        // A probe that went well, or tells nothing: the next request may go there.
        if (lease.probe && (verdict === "success" || verdict === "neutral")) journal.openings.delete(key);
        lease.judge(verdict, at);
      },
      [Symbol.dispose]() {
        if (!over && lease.probe) journal.probes.set(key, (journal.probes.get(key) ?? 0) - 1);
        if (!over && unsent.includes(pick)) unsent.splice(unsent.indexOf(pick), 1);
        over = true;
        lease[Symbol.dispose]();
      },
    },
  };
}

/** The real queue, with who waits written down. */
export class WatchedQueue extends WaitQueue {
  readonly #world: World;

  constructor(world: World, ...deps: ConstructorParameters<typeof WaitQueue>) {
    super(...deps);
    this.#world = world;
  }

  override wait(request: WaitRequest, signal: AbortSignal): Promise<WaitResult> {
    const { journal, time, trace } = this.#world;
    const { traits, priority, until = Number.POSITIVE_INFINITY } = request;
    const since = time.now();
    const record: WaiterRecord = {
      search: request,
      model: traits.model,
      priority,
      sameness: () => samenessOf(request),
      since,
      served: false,
      until: priority === "fresh" ? Math.min(until, since + FRESH_PATIENCE_MS) : until,
      isEligibleNow: () => this.#isEligible(request),
    };
    journal.waiters.add(record);
    journal.count(`waited: ${priority}`);
    trace.call(this.#world, `somebody waits for ${traits.model}`);
    return super.wait(request, signal).then((result) => {
      journal.count(`waiting ended: ${result.type === "picked" ? "picked" : result.error.code}`);
      if (result.type === "picked") this.#checkOrder(record);
      journal.waiters.delete(record);
      return result;
    });
  }

  override drain(models?: Iterable<string>, everybody = false): void {
    const { journal } = this.#world;
    const outer = journal.draining;
    journal.draining = true;
    super.drain(models, everybody);
    journal.draining = outer;
  }

  /** Whoever has the same needs and came sooner must not be waiting still. */
  #checkOrder(served: WaiterRecord): void {
    const { journal } = this.#world;
    for (const other of journal.waiters) {
      if (other === served) return;
      const overtaken = other.priority === served.priority && other.sameness() === served.sameness();
      if (overtaken) journal.find("the queue is first in, first out", `a waiter for ${served.model} was overtaken`);
    }
  }

  #isEligible(request: WaitRequest): boolean {
    return evaluateAll(this.#world, request).some(isFree);
  }
}

/** Requests with the same sameness are served by the same slots. */
function samenessOf({ traits, history, unlikeEarlier, expectedBefore }: Search): string {
  const { allowlist, account, ...rest } = traits;
  const owner = traits.route === "any" ? "" : account;
  const before = [...history].sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([rest, owner, [...(allowlist ?? [])].sort(), before, unlikeEarlier === true, expectedBefore]);
}
