import { describeDiskFault } from "@hearth/disk";
import { type Clock, repeat } from "@hearth/platform";
import type { HeartbeatFrame } from "@hearth/protocol";
import { type Availability, type AvailabilityRules, availabilityOf, isSameAvailability } from "./availability.js";
import { isOpenAt, nextOpening } from "./open-hours.js";
import type { ReadIdleTime } from "./owner-activity.js";
import type { OwnerPause, PauseStore } from "./pause-file.js";
import type { ReadOnBattery } from "./power-source.js";

export interface AvailabilityMonitorOptions {
  readonly clock: Clock;
  /** Milliseconds since the epoch. */
  readonly wallTime: () => number;
  readonly rules: AvailabilityRules;
  readonly store: PauseStore;
  readonly readIdleTime: ReadIdleTime;
  readonly readOnBattery: ReadOnBattery;
  /** Used share of the memory, 0–1; `undefined` = not known. */
  readonly memoryUsed: () => number | undefined;
  /** How often the owner and the power source are looked at; default 15 s. On Windows a minute is kinder. */
  readonly probeIntervalMs?: number;
}

/** The owner's last word, where it could not be written: it holds until the file changes. */
interface Unkept {
  readonly pause: OwnerPause | undefined;
  /** What the file held then. */
  readonly stored: OwnerPause | undefined;
  readonly problem: string;
}

/** Windows and pauses are looked at this often; it costs two system calls. */
const TICK_MS = 5_000;
const PROBE_INTERVAL_MS = 15_000;

/**
 * Decides whether the machine is available now. It looks at the wall clock at each tick instead of setting a timer for
 * a time of day: after sleep, or when the clock is set, it notices at most a tick late.
 */
export class AvailabilityMonitor implements Disposable {
  /** Resolves when the owner and the power source have been looked at once; until then they are unknown. */
  readonly ready: Promise<void>;
  readonly #options: AvailabilityMonitorOptions;
  readonly #watchers: Set<(now: Availability) => void> = new Set();
  readonly #stop: AbortController = new AbortController();
  readonly #ticks: Disposable;
  readonly #probes: Disposable;
  #unkept: Unkept | undefined;
  #current: Availability = { type: "serving" };
  #idleMs: number | undefined;
  #onBattery: boolean | undefined;
  #probing = false;
  /** The opening that was last worked out, for times from `since` on. */
  #opening: { readonly since: number; readonly at: number | undefined } | undefined;

  constructor(options: AvailabilityMonitorOptions) {
    this.#options = options;
    this.#evaluate();
    this.#ticks = repeat(options.clock, TICK_MS, () => this.#evaluate());
    this.#probes = repeat(options.clock, options.probeIntervalMs ?? PROBE_INTERVAL_MS, () => void this.#probe());
    this.ready = this.#probe();
  }

  get current(): Availability {
    return this.#current;
  }

  /** The part of a heartbeat that is about availability. */
  get heartbeat(): Required<Pick<HeartbeatFrame, "paused" | "private_only">> {
    return {
      paused: this.#current.type === "paused",
      private_only: this.#options.rules.sharing === "owner_only",
    };
  }

  /** Calls `onChange` after each change, until disposed. */
  watch(onChange: (now: Availability) => void): Disposable {
    const watcher = (now: Availability): void => onChange(now);
    this.#watchers.add(watcher);
    return { [Symbol.dispose]: () => void this.#watchers.delete(watcher) };
  }

  /**
   * The owner's pause, kept over restarts. Where it cannot be written, as on a full disk, it holds until this process
   * ends: see `unkept`.
   *
   * @param untilWallMs when it ends, ms since the epoch; default: when the owner resumes
   * @throws RangeError when that is not in the future
   */
  pause(untilWallMs?: number): void {
    const isFuture = untilWallMs === undefined || (untilWallMs > this.#options.wallTime() && untilWallMs <= 8.64e15);
    if (!isFuture) throw new RangeError("a pause must end in the future");
    this.#say(untilWallMs === undefined ? {} : { untilWallMs: Math.ceil(untilWallMs) });
  }

  /** Ends the owner's pause, as long as `pause` holds; other reasons to pause stay. */
  resume(): void {
    this.#say(undefined);
  }

  /** Why the owner's last word is lost when this process ends, as the end of a sentence; absent = it was written. */
  get unkept(): string | undefined {
    return this.#unkept?.problem;
  }

  #say(pause: OwnerPause | undefined): void {
    const { store } = this.#options;
    this.#unkept = undefined;
    try {
      store.save(pause);
    } catch (error) {
      this.#unkept = { pause, stored: store.load(), problem: describeDiskFault(error) };
    }
    this.#evaluate();
  }

  [Symbol.dispose](): void {
    this.#ticks[Symbol.dispose]();
    this.#probes[Symbol.dispose]();
    this.#stop.abort();
    this.#watchers.clear();
  }

  #evaluate(): void {
    const { rules, wallTime, memoryUsed } = this.#options;
    const now = wallTime();
    const isOpen = isOpenAt(rules.windows, now);
    const next = availabilityOf(
      rules,
      {
        ownerPause: this.#ownerPause(now),
        isOpen,
        nextOpeningMs: isOpen ? undefined : this.#nextOpening(now),
        onBattery: this.#onBattery,
        idleMs: this.#idleMs,
        memoryUsed: memoryUsed(),
      },
      this.#current,
    );
    if (isSameAvailability(next, this.#current)) return;
    this.#current = next;
    for (const watcher of [...this.#watchers]) watcher(next);
  }

  #said(): OwnerPause | undefined {
    const kept = this.#options.store.load();
    if (this.#unkept !== undefined && isSamePause(kept, this.#unkept.stored)) return this.#unkept.pause;
    // The file has changed since.
    this.#unkept = undefined;
    return kept;
  }

  /** An expired pause is left in its file: the next pause or resume replaces it, and a clock set back revives it. */
  #ownerPause(now: number): { readonly untilWallMs?: number } | undefined {
    const pause = this.#said();
    return pause?.untilWallMs !== undefined && pause.untilWallMs <= now ? undefined : pause;
  }

  #nextOpening(now: number): number | undefined {
    const known = this.#opening;
    const holds = known !== undefined && now >= known.since && (known.at === undefined || now < known.at);
    if (holds) return known.at;
    const at = nextOpening(this.#options.rules.windows, now);
    this.#opening = { since: now, at };
    return at;
  }

  /** Asks only what the rules need, and never while an answer is outstanding. */
  async #probe(): Promise<void> {
    if (this.#probing) return;
    const { rules, readIdleTime, readOnBattery } = this.#options;
    const signal = this.#stop.signal;
    this.#probing = true;
    try {
      const [idleMs, onBattery] = await Promise.all([
        rules.pauseWhenActiveMinutes > 0 ? readIdleTime(signal) : undefined,
        rules.pauseOnBattery ? readOnBattery(signal) : undefined,
      ]);
      this.#idleMs = idleMs;
      this.#onBattery = onBattery;
    } catch {
      // What cannot be asked is not known, and does not pause.
      this.#idleMs = undefined;
      this.#onBattery = undefined;
    } finally {
      this.#probing = false;
    }
    if (!signal.aborted) this.#evaluate();
  }
}

function isSamePause(a: OwnerPause | undefined, b: OwnerPause | undefined): boolean {
  return (a === undefined) === (b === undefined) && a?.untilWallMs === b?.untilWallMs;
}
