import type { Clock } from "@hearth/platform";
import type { RequestUsage } from "../store/usage-store.js";

/** Within this after the first of a kind, ms, the others are counted. */
const WINDOW_MS = 60_000;
/** Kinds of which some are counted at once, at most. */
const MAX_KINDS = 10_000;

export interface RefusedUsageDeps {
  readonly clock: Clock;
  /** Something is to be kept. */
  readonly keep: (usage: RequestUsage) => void;
  /** Nothing will be known of a request that was refused. */
  readonly lost: () => void;
}

interface Window {
  readonly until: number;
  /** Those behind the first, as one; absent = none yet. */
  counted: RequestUsage | undefined;
}

/**
 * Keeps what was refused without filling the disk with it: a refusal costs whoever asks nothing, so he may ask without
 * end. Of those of one key for one reason the first is kept by itself, and all others of the next minute as one record:
 * two rows a minute, whatever comes.
 */
export class RefusedUsage {
  readonly #deps: RefusedUsageDeps;
  /** By key and reason, those that end first, first. */
  readonly #windows = new Map<string, Window>();
  #timer: Disposable | undefined;

  constructor(deps: RefusedUsageDeps) {
    this.#deps = deps;
  }

  /** @param reason why it was refused: one of a closed list */
  add(usage: RequestUsage, reason: string): void {
    const { clock, keep, lost } = this.#deps;
    const kind = `${usage.keyId} ${reason}`;
    const window = this.#windows.get(kind);
    if (window !== undefined) {
      window.counted = window.counted === undefined ? usage : together(window.counted, usage);
      return;
    }
    if (this.#windows.size >= MAX_KINDS) return lost();
    keep(usage);
    this.#windows.set(kind, { until: clock.now() + WINDOW_MS, counted: undefined });
    this.#arm(WINDOW_MS);
  }

  /** Forgets what was counted for an account. */
  forget(account: string): void {
    for (const window of this.#windows.values()) if (window.counted?.account === account) window.counted = undefined;
  }

  /** Keeps what was counted and counts no more of it. */
  stop(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    for (const { counted } of this.#windows.values()) if (counted !== undefined) this.#deps.keep(counted);
    this.#windows.clear();
  }

  #arm(afterMs: number): void {
    this.#timer ??= this.#deps.clock.setTimer(afterMs, () => this.#close());
  }

  #close(): void {
    const { clock, keep } = this.#deps;
    this.#timer = undefined;
    const now = clock.now();
    for (const [kind, { until, counted }] of this.#windows) {
      if (until > now) return this.#arm(until - now);
      this.#windows.delete(kind);
      if (counted !== undefined) keep(counted);
    }
  }
}

/** As one record: in what they differ it says nothing. */
function together(all: RequestUsage, one: RequestUsage): RequestUsage {
  const same = <K extends "modelAsked" | "endUser" | "dialect" | "endpoint">(name: K): string =>
    all[name] === one[name] ? all[name] : "";
  return {
    ...all,
    requests: all.requests + one.requests,
    modelAsked: same("modelAsked"),
    endUser: same("endUser"),
    dialect: same("dialect"),
    endpoint: same("endpoint"),
  };
}
