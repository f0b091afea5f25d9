import { contextOf, DEFAULT_SELECTION, type Evaluation, evaluate, type Search } from "@hearth/coordinator/internals";
import type { World } from "./world.js";

/** What selection thinks of everybody who names the model that is looked for, now. */
export function evaluateAll({ coordinator, time }: World, search: Search): Evaluation[] {
  const { registry, breaker, catalog, services } = coordinator;
  const context = contextOf(search, {
    catalog: () => catalog,
    settings: () => DEFAULT_SELECTION,
    health: breaker,
    expecting: services.dispatch.evidence,
    clock: time,
  });
  return [...registry.serving(search.traits.model)].map((provider) => evaluate(provider, context));
}

/** Nothing is against it but that it has no room now, or is not there: in a while it may. */
const SOON: ReadonlySet<string> = new Set([
  "offline",
  "draining",
  "challenge_stale",
  "slot_reloading",
  "no_headroom",
  "thermal_critical",
  "free_memory",
]);

export const isFree = ({ gates }: Evaluation): boolean => gates.length === 0;
export const isWell = ({ gates }: Evaluation): boolean => gates.every((gate) => SOON.has(gate));
/** Nothing is against it but its faults. */
export const isOnlyOut = ({ gates }: Evaluation): boolean => gates.length === 1 && gates[0] === "error_cooldown";
/** Nothing is against it but what it did: it refused for want of room again and again, and may have failed too. */
export const isOnlyCooling = ({ gates }: Evaluation): boolean =>
  gates.includes("capacity_cooldown") &&
  gates.every((gate) => gate === "capacity_cooldown" || gate === "error_cooldown");

/** Of those that are fast enough for what is looked for, if that has a bound. */
export function isInTime({ expectation }: Evaluation, { expectedBefore }: Search, now: number): boolean {
  return expectedBefore === undefined || now + expectation.expectedMs < expectedBefore;
}

/** Nothing runs on it, for any model. */
export function isIdle({ provider }: Evaluation): boolean {
  return [...provider.models.keys()].every((model) => provider.load(model) === 0);
}

/** Slots of all who are connected and serve the model, whomever else they suit. */
export function slotsOf({ coordinator }: World, model: string): number {
  let slots = 0;
  for (const provider of coordinator.registry.serving(model)) {
    if (provider.status !== "offline") slots += provider.slots.get(model)?.max_concurrency ?? 4;
  }
  return slots;
}
