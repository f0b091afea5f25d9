import type { AvailabilityConfig } from "../config/agent-config.js";

/** Why the machine takes no requests now. */
export type PauseReason =
  /** The owner said so. */
  | "owner"
  /** No availability window is open. */
  | "outside_hours"
  | "on_battery"
  /** Somebody is using the machine. */
  | "owner_active"
  /** More of the memory is used than the owner allows. */
  | "memory_cap";

/** Whether the machine takes requests now. While it is paused, what runs is finished and nothing new is taken. */
export type Availability =
  | { readonly type: "serving" }
  | {
      readonly type: "paused";
      readonly reason: PauseReason;
      /** When this reason ends, ms since the epoch, where that is known. */
      readonly untilWallMs?: number;
    };

/** What the owner allows. */
export interface AvailabilityRules extends AvailabilityConfig {
  /** Percent of the memory; `undefined` = no cap. */
  readonly memoryPercent: number | undefined;
}

/** What is known of the machine and its owner; what is not known never pauses. */
export interface Observations {
  readonly ownerPause: { readonly untilWallMs?: number } | undefined;
  readonly isOpen: boolean;
  readonly nextOpeningMs: number | undefined;
  readonly onBattery: boolean | undefined;
  readonly idleMs: number | undefined;
  /** 0–1. */
  readonly memoryUsed: number | undefined;
}

/** Once over the cap, memory use must fall this far below it before the machine is available again. */
const MEMORY_MARGIN = 0.05;

/** Applies the owner's rules to what is known. Where several reasons hold, the one that will last longest is given. */
export function availabilityOf(rules: AvailabilityRules, seen: Observations, before: Availability): Availability {
  if (seen.ownerPause) return paused("owner", seen.ownerPause.untilWallMs);
  if (!seen.isOpen) return paused("outside_hours", seen.nextOpeningMs);
  if (rules.pauseOnBattery && seen.onBattery === true) return paused("on_battery");
  if (seen.idleMs !== undefined && seen.idleMs < rules.pauseWhenActiveMinutes * 60_000) return paused("owner_active");
  if (isOverCap(rules, seen, before)) return paused("memory_cap");
  return { type: "serving" };
}

export function isSameAvailability(a: Availability, b: Availability): boolean {
  if (a.type === "serving" || b.type === "serving") return a.type === b.type;
  return a.reason === b.reason && a.untilWallMs === b.untilWallMs;
}

function isOverCap(rules: AvailabilityRules, seen: Observations, before: Availability): boolean {
  if (rules.memoryPercent === undefined || seen.memoryUsed === undefined) return false;
  const isCapped = before.type === "paused" && before.reason === "memory_cap";
  return seen.memoryUsed > rules.memoryPercent / 100 - (isCapped ? MEMORY_MARGIN : 0);
}

function paused(reason: PauseReason, untilWallMs?: number): Availability {
  return { type: "paused", reason, ...(untilWallMs === undefined ? {} : { untilWallMs }) };
}
