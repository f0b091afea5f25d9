import {
  contextOf,
  DEFAULT_SELECTION,
  defaultExpecting,
  type Picker,
  type PickResult,
  survey,
  type Traits,
  type Tried,
  WaitQueue,
  type WaitRequest,
  type WaitResult,
} from "@hearth/coordinator/internals";
import type { WaiterRecord } from "./journal.js";
import type { World } from "./world.js";

/** The real picker, with its probes counted and its places checked against those who wait for them. */
export function watchPicker(world: World, picker: Picker): Picker {
  return {
    slots: (traits) => picker.slots(traits),
    pick(search, look) {
      const { traits, tried } = search;
      const result = picker.pick(search, look);
      world.journal.placesTaken ||= result.type === "picked";
      if (result.type === "picked") checkOvertaking(world, traits, tried);
      return result.type === "picked" && result.lease.probe ? countProbe(world, result, traits) : result;
    },
  };
}

/** A place that is taken without having waited must not have suited anybody who waits. */
function checkOvertaking({ journal }: World, traits: Traits, tried: Tried): void {
  if (journal.draining) return;
  const sameness = samenessOf(traits, tried);
  for (const waiter of journal.waiters) {
    if (waiter.sameness === sameness) journal.find("newcomers do not overtake", `a waiter for ${traits.model} was`);
  }
}

function countProbe(world: World, picked: Extract<PickResult, { type: "picked" }>, traits: Traits): PickResult {
  const { probes } = world.journal;
  world.journal.count("probe");
  const key = `${picked.provider} ${traits.model} ${traits.shape}`;
  probes.set(key, (probes.get(key) ?? 0) + 1);
  let over = false;
  const { lease } = picked;
  return {
    ...picked,
    lease: {
      ...lease,
      [Symbol.dispose]() {
        if (!over) probes.set(key, (probes.get(key) ?? 0) - 1);
        over = true;
        lease[Symbol.dispose]();
      },
    },
  };
}

/** The real queue, with who waits written down. */
export class WatchedQueue extends WaitQueue {
  readonly #world: World;

  constructor(world: World, picker: Picker) {
    super(picker, world.time, { depth: () => {}, waited: () => {} });
    this.#world = world;
  }

  override wait(request: WaitRequest, signal: AbortSignal): Promise<WaitResult> {
    const { journal, time, trace } = this.#world;
    const { traits, tried, priority } = request;
    const record: WaiterRecord = {
      model: traits.model,
      priority,
      sameness: samenessOf(traits, tried),
      since: time.now(),
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

  override drain(everybody = false): void {
    const { journal } = this.#world;
    const outer = journal.draining;
    journal.draining = true;
    super.drain(everybody);
    journal.draining = outer;
  }

  /** Whoever has the same needs and came sooner must not be waiting still. */
  #checkOrder(served: WaiterRecord): void {
    const { journal } = this.#world;
    for (const other of journal.waiters) {
      if (other === served) return;
      const overtaken = other.priority === served.priority && other.sameness === served.sameness;
      if (overtaken) journal.find("the queue is first in, first out", `a waiter for ${served.model} was overtaken`);
    }
  }

  #isEligible(request: WaitRequest): boolean {
    const { registry, outlier, catalog } = this.#world.coordinator;
    const context = contextOf(request, {
      catalog: () => catalog,
      settings: () => DEFAULT_SELECTION,
      health: outlier,
      expecting: defaultExpecting,
      clock: this.#world.time,
    });
    return survey(registry.serving(request.traits.model), context).candidates.length > 0;
  }
}

/** Requests with the same sameness are served by the same places. */
function samenessOf({ allowlist, account, ...traits }: Traits, tried: Tried): string {
  const owner = traits.route === "any" ? "" : account;
  return JSON.stringify([traits, owner, [...(allowlist ?? [])].sort(), [...tried.keys()].sort()]);
}
