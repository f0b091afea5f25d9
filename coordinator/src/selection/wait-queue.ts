import type { Clock } from "@hearth/platform";
import { HearthError } from "../platform/errors.js";
import type { Picked } from "./pick-result.js";
import type { Picker } from "./picker.js";
import { DEFAULT_SELECTION, type QueueSettings } from "./settings.js";
import type { Search, Traits } from "./traits.js";

/** Failovers go before requests that have not been tried yet: their consumers have waited longer. */
export type Priority = "failover" | "fresh";
const PRIORITIES: readonly Priority[] = ["failover", "fresh"];

export type WaitResult = Picked | { readonly type: "unavailable"; readonly error: HearthError };

export interface WaitRequest extends Search {
  readonly priority: Priority;
  /**
   * When it has waited for long enough, ms on the coordinator's clock; absent = when anybody has. A fresh one never waits
   * longer than the queue's own patience.
   */
  readonly until?: number;
}

export interface WaitQueueHooks {
  /** Waiters of all models. */
  depth(total: number): void;
  /** How long somebody waited, whatever came of it, ms. */
  waited(ms: number): void;
}

interface Waiter extends WaitRequest {
  readonly since: number;
  readonly settle: (result: WaitResult) => void;
  /** What everybody lacked when it was last looked at. */
  lacking: "memory" | undefined;
}

/**
 * Requests that wait for room: bounded per model, first in first out within a priority. A waiter whom nobody with room
 * may serve does not stop those behind it. Whoever changes the fleet calls `drain`.
 */
export class WaitQueue {
  readonly #picker: Picker;
  readonly #clock: Clock;
  readonly #hooks: WaitQueueHooks;
  readonly #settings: () => QueueSettings;
  readonly #waiters = new Map<string, Waiter[]>();
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

  /** Waits for a place. Resolves when there is one, when waiting has become pointless, or when patience is over. */
  wait(request: WaitRequest, signal: AbortSignal): Promise<WaitResult> {
    const { model } = request.traits;
    if (this.#closed) return Promise.resolve(LEAVING);
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
      const onAbort = (): void => settle(signal.reason === "shutdown" ? LEAVING : GONE);
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
   * Gives every place that has come free to whoever waits longest for one like it. This runs with every heartbeat, so
   * that whoever asks for at least as much as one who has just found no room is not looked at.
   *
   * @param everybody looks at all the same, so that those for whom waiting has become pointless are told
   */
  drain(everybody = false): void {
    if (this.#total === 0 || this.#draining) return;
    // Taking a place changes the fleet, which calls drain again.
    this.#draining = true;
    try {
      for (const waiters of [...this.#waiters.values()]) this.#drainModel([...waiters], everybody);
    } finally {
      this.#draining = false;
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

  /** The coordinator is leaving: nobody waits any longer, and nobody begins to. */
  close(): void {
    this.#closed = true;
    for (const waiter of this.#all()) waiter.settle(LEAVING);
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
      this.drain(true);
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

/** Whoever has no room for `other` has none for `waiter`: the gates only close as a request grows. */
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
    other.tried.size === 0 &&
    other.expectedBefore === undefined;
  const asMuch = a.promptTokens >= b.promptTokens && a.leastPromptTokens >= b.leastPromptTokens;
  return sameScope && asMuch && a.maxTokens >= b.maxTokens;
}

const GONE: WaitResult = { type: "unavailable", error: new HearthError("cancelled", "Gone.") };
const LEAVING: WaitResult = {
  type: "unavailable",
  error: new HearthError("shutting_down", "The coordinator is restarting.", { retryAfterSeconds: 2 }),
};

/** When to come back, by how many wait. */
export function retryAfterSeconds(depth: number, settings: QueueSettings): number {
  const seconds = depth * settings.retryAfterPerWaiterSeconds;
  return Math.min(settings.retryAfterMaxSeconds, Math.max(settings.retryAfterMinSeconds, seconds));
}
