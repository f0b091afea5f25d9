import type { TimeSource } from "./time-source.js";

export interface AwakeClockSettings {
  /** How often the clock looks at the time by itself, ms, so that a gap between two looks means something. */
  readonly pulseMs: number;
  /** A gap longer than a pulse and this is a pause, ms: far more than an honest turn of the event loop takes. */
  readonly pauseMs: number;
}

export const DEFAULT_AWAKE_SETTINGS: AwakeClockSettings = { pulseMs: 250, pauseMs: 1_000 };

/** Timers of Node fire up to this much early, ms. */
const EARLY_MS = 1;

/**
 * Time during which this process could do something. A process that was stopped, a virtual machine that was paused and a
 * laptop that slept wake up with every timer due and with bytes unread, and timers run before sockets are read: whoever
 * waited for a peer would call it silent although it had answered. So a pause does not count: `now()` stands still over
 * it, and what falls due after it is as far away as it was before.
 *
 * The pause itself is found by a pulse that did not come, so a blocked event loop counts as one too. `wallTime()` is the
 * machine's own and leaves nothing out.
 */
export class AwakeClock {
  readonly #time: TimeSource;
  readonly #pulse: TimeSource;
  readonly #settings: AwakeClockSettings;
  #seenAt: number;
  #pausedMs = 0;
  #pauseEndedAt: number | undefined;
  #pulsing = false;

  /** @param pulse where the pulse's timers come from: they must not keep a process alive */
  constructor(time: TimeSource, pulse: TimeSource, settings: AwakeClockSettings = DEFAULT_AWAKE_SETTINGS) {
    this.#time = time;
    this.#pulse = pulse;
    this.#settings = settings;
    this.#seenAt = time.monotonic();
  }

  /** Milliseconds since an arbitrary but fixed point; never goes back. */
  now(): number {
    if (!this.#pulsing) this.#start();
    const real = this.#time.monotonic();
    const gapMs = real - this.#seenAt;
    const isPause = gapMs > this.#settings.pulseMs + this.#settings.pauseMs;
    if (isPause) this.#pausedMs += gapMs;
    this.#seenAt = real;
    const now = real - this.#pausedMs;
    if (isPause) this.#pauseEndedAt = now;
    return now;
  }

  /** How long ago the last pause ended, ms of this clock's time; infinite when there was none. */
  sincePause(): number {
    const now = this.now();
    return this.#pauseEndedAt === undefined ? Number.POSITIVE_INFINITY : now - this.#pauseEndedAt;
  }

  /** Wall-clock milliseconds since 1970. */
  wallTime(): number {
    return this.#time.wall();
  }

  /** Calls `fire` once, no sooner than `ms` of this clock's time from now, unless disposed before. */
  setTimer(ms: number, fire: () => void): Disposable {
    const dueAt = this.now() + Math.max(0, ms);
    let timer: Disposable;
    const arm = (leftMs: number): void => {
      timer = this.#time.setTimer(leftMs, () => {
        const left = dueAt - this.now();
        // A pause lies in between: at least one more turn, so that sockets are read first.
        if (left > EARLY_MS) arm(left);
        else fire();
      });
    };
    arm(Math.max(0, ms));
    return { [Symbol.dispose]: () => timer[Symbol.dispose]() };
  }

  #start(): void {
    this.#pulsing = true;
    this.#seenAt = this.#time.monotonic();
    const beat = (): void => {
      this.#pulse.setTimer(this.#settings.pulseMs, () => {
        this.now();
        beat();
      });
    };
    beat();
  }
}
