import type { Clock } from "@hearth/platform";
import { HearthError } from "../platform/errors.js";
import type { Picked } from "./pick-result.js";
import type { Picker } from "./picker.js";
import { DEFAULT_SELECTION, type QueueSettings } from "./settings.js";
import type { Search, Traits } from "./traits.js";

/** Failovers go before requests without an attempt so far, because their consumers have waited longer. */
export type Priority = "failover" | "fresh";
const PRIORITIES: readonly Priority[] = ["failover", "fresh"];

export type WaitResult = Picked | { readonly type: "unavailable"; readonly error: HearthError };

export interface WaitRequest extends Search {
  readonly priority: Priority;
  /**
   * When it gives up, ms on the coordinator's clock. Absent = after the queue's own patience, beyond which a fresh
   * request never waits.
   */
  readonly until?: number;
}

export interface WaitQueueHooks {
  /** The number of waiting requests, of all models. */
  depth(total: number): void;
  /** How long a request has waited, whatever the result, ms. */
  waited(ms: number): void;
}

/** How many wait for one model, and since when. */
export interface WaitingModel {
  readonly model: string;
  readonly waiting: number;
  /** As many may wait. */
  readonly limit: number;
  /** How long the first of them has waited, ms. */
  readonly oldestMs: number;
}

interface Waiter extends WaitRequest {
  readonly since: number;
  readonly settle: (result: WaitResult) => void;
  /** What all providers lacked when it was last looked at. */
  lacking: "memory" | undefined;
}

/**
 * Requests that wait for a slot: bounded per model, first in, first out within a priority. A waiter that none of the
 * free providers may serve does not hold up those behind it. `drain` must be called when the fleet changes.
 */
export class WaitQueue {
  readonly #picker: Picker;
  readonly #clock: Clock;
  readonly #hooks: WaitQueueHooks;
  readonly #settings: () => QueueSettings;
  readonly #waiters = new Map<string, Waiter[]>();
  /** Models whose waiters are to be looked at. */
  readonly #due = new Set<string>();
  #total = 0;
  #draining = false;
  #closed = false;
  #recheck: Disposable | undefined;

  /** @param settings read at each use */
  constructor(
    picker: Picker,
    clock: Clock,
    hooks: WaitQueueHooks,
    settings: () => QueueSettings = () => DEFAULT_SELECTION.queue,
  ) {
    this.#picker = picker;
    this.#clock = clock;
    this.#hooks = hooks;
    this.#settings = settings;
  }

  depth(model: string): number {
    return this.#waiters.get(model)?.length ?? 0;
  }

  get total(): number {
    return this.#total;
  }

  /** The models for which requests wait now. */
  waiting(): readonly WaitingModel[] {
    const now = this.#clock.now();
    const limit = this.#settings().perModel;
    return [...this.#waiters].map(([model, waiters]) => ({
      model,
      waiting: waiters.length,
      limit,
      oldestMs: now - Math.min(...waiters.map(({ since }) => since)),
    }));
  }

  /** Waits for a slot. Resolves when one is leased, when waiting has become pointless, or when patience is over. */
  wait(request: WaitRequest, signal: AbortSignal): Promise<WaitResult> {
    const { model } = request.traits;
    if (this.#closed) return Promise.resolve(leaving());
    if (this.depth(model) >= this.#settings().perModel) return Promise.resolve(this.#refusal(request.traits, "full"));
    return new Promise((resolve) => {
      const settle = (result: WaitResult): void => {
        timer[Symbol.dispose]();
        signal.removeEventListener("abort", onAbort);
        this.#remove(model, waiter);
        this.#hooks.waited(this.#clock.now() - waiter.since);
        resolve(result);
      };
      const waiter: Waiter = { ...request, since: this.#clock.now(), settle, lacking: undefined };
      const onAbort = (): void => settle(signal.reason === "shutdown" ? leaving() : gone());
      const timer = this.#clock.setTimer(this.#patienceMs(waiter), () => {
        settle(this.#refusal(request.traits, waiter.lacking ?? "slots"));
      });
      this.#insert(model, waiter);
      if (signal.aborted) onAbort();
      else signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  #patienceMs({ priority, until, expectedBefore, since }: Waiter): number {
    const patient = since + this.#settings().patienceMs;
    const end = priority === "fresh" ? Math.min(patient, until ?? patient) : (until ?? patient);
    return Math.min(end, expectedBefore ?? end) - since;
  }

  /**
   * Gives every free slot to the request that has waited longest for one like it. Since this runs with every heartbeat,
   * requests for other models are not looked at, nor those that ask for at least as much as one that has just found no
   * slot.
   *
   * @param models those that may have a free slot now; absent = all
   * @param everybody skips none, so that those for which waiting has become pointless are told
   */
  drain(models: Iterable<string> = this.#waiters.keys(), everybody = false): void {
    if (this.#total === 0) return;
    for (const model of models) if (this.#waiters.has(model)) this.#due.add(model);
    // Leasing a slot changes the fleet, which calls `drain` again: what is due then has its turn below.
    if (this.#draining) return;
    this.#draining = true;
    try {
      for (const model of this.#due) {
        this.#drainModel([...(this.#waiters.get(model) ?? [])], everybody);
        this.#due.delete(model);
      }
    } finally {
      this.#draining = false;
      this.#due.clear();
    }
  }

  #drainModel(waiters: readonly Waiter[], everybody: boolean): void {
    const stuck: Waiter[] = [];
    for (const waiter of waiters) {
      if (!everybody && stuck.some((each) => asksAtLeast(waiter, each))) continue;
      const pick = this.#picker.pick(waiter, "again");
      if (pick.type !== "queue") {
        waiter.settle(pick);
        continue;
      }
      waiter.lacking = pick.lacking;
      stuck.push(waiter);
    }
  }

  /** The coordinator shuts down: all who wait are told, and nobody may wait any more. */
  close(): void {
    this.#closed = true;
    for (const waiter of this.#all()) waiter.settle(leaving());
  }

  #all(): readonly Waiter[] {
    return [...this.#waiters.values()].flat();
  }

  #insert(model: string, waiter: Waiter): void {
    const waiters = this.#waiters.get(model) ?? [];
    this.#waiters.set(model, waiters);
    const rank = PRIORITIES.indexOf(waiter.priority);
    const behind = waiters.findIndex((each) => PRIORITIES.indexOf(each.priority) > rank);
    waiters.splice(behind === -1 ? waiters.length : behind, 0, waiter);
    this.#count(1);
  }

  #remove(model: string, waiter: Waiter): void {
    const waiters = this.#waiters.get(model);
    const index = waiters?.indexOf(waiter) ?? -1;
    if (waiters === undefined || index === -1) return;
    waiters.splice(index, 1);
    if (waiters.length === 0) this.#waiters.delete(model);
    this.#count(-1);
  }

  #count(change: number): void {
    this.#total += change;
    this.#hooks.depth(this.#total);
    if (this.#total > 0) return this.#armRecheck();
    this.#recheck?.[Symbol.dispose]();
    this.#recheck = undefined;
  }

  #armRecheck(): void {
    this.#recheck ??= this.#clock.setTimer(this.#settings().recheckMs, () => {
      this.#recheck = undefined;
      this.drain(this.#waiters.keys(), true);
      if (this.#total > 0) this.#armRecheck();
    });
  }

  #refusal({ model, route }: Traits, why: "full" | "slots" | "memory"): WaitResult {
    const details = { retryAfterSeconds: retryAfterSeconds(this.depth(model), this.#settings()) };
    return { type: "unavailable", error: refusalOf(route, why, details) };
  }
}

function refusalOf(
  route: Traits["route"],
  why: "full" | "slots" | "memory",
  details: { readonly retryAfterSeconds: number },
): HearthError {
  if (route === "self") return new HearthError("machine_busy", "Your machine is busy.", details);
  switch (why) {
    case "full":
      return new HearthError("queue_full", "Too many requests wait for this model.", details);
    case "slots":
      return new HearthError("no_capacity", "Nobody who serves this model became free in time.", details);
    case "memory":
      return new HearthError("no_capacity", "Nobody who serves this model has the memory to load it now.", details);
  }
}

/** Whether a provider without capacity for `other` has none for `waiter`: gates only close as a request grows. */
function asksAtLeast(waiter: Waiter, other: Waiter): boolean {
  const [a, b] = [waiter.traits, other.traits];
  const sameScope =
    a.shape === b.shape &&
    a.dialect === b.dialect &&
    a.structuredOutput === b.structuredOutput &&
    a.logprobs === b.logprobs &&
    a.route === b.route &&
    (a.route === "any" || a.account === b.account) &&
    a.allowlist === b.allowlist &&
    a.minTrust === b.minTrust &&
    other.history.size === 0 &&
    other.expectedBefore === undefined;
  const asMuch = a.promptTokens >= b.promptTokens && a.leastPromptTokens >= b.leastPromptTokens;
  return sameScope && asMuch && a.maxTokens >= b.maxTokens;
}

const gone = (): WaitResult => ({ type: "unavailable", error: new HearthError("cancelled", "Gone.") });
const leaving = (): WaitResult => ({
  type: "unavailable",
  error: new HearthError("shutting_down", "The coordinator is restarting.", { retryAfterSeconds: 2 }),
});

/** When a refused consumer should try again, by how many requests wait. */
export function retryAfterSeconds(depth: number, settings: QueueSettings): number {
  const seconds = depth * settings.retryAfterPerWaiterSeconds;
  return Math.min(settings.retryAfterMaxSeconds, Math.max(settings.retryAfterMinSeconds, seconds));
}
