import { type Clock, describeFault } from "@hearth/platform";
import type { Logger } from "./logger.js";

export interface BatchSettings {
  /** Items are written together, this long after the first of them, ms: one transaction costs as much as one item. */
  readonly flushMs: number;
  /** What could not be written is tried again after this, ms. */
  readonly retryMs: number;
  /** Items of one write at most. */
  readonly batch: number;
  /** Items that wait at most: a store that is away for long loses the ones after that. */
  readonly maxPending: number;
}

const DEFAULT_BATCH: BatchSettings = { flushMs: 100, retryMs: 5_000, batch: 1_000, maxPending: 20_000 };

export interface BatchHooks<T> {
  /** Keeps all or none; what is kept already stays as it is. */
  write(items: readonly T[]): Promise<void>;
  /** An item could not be kept. */
  lost(): void;
}

export interface BatchDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** What the items are called in the log. */
  readonly what: string;
}

/** Writes items off the path of whoever has them, several at once. Each has a key, by which it is found until it is written. */
export class BatchWriter<T> {
  readonly #deps: BatchDeps;
  readonly #hooks: BatchHooks<T>;
  readonly #settings: BatchSettings;
  #pending = new Map<string, T>();
  #writing: ReadonlyMap<string, T> = new Map();
  #timer: Disposable | undefined;
  #stopped = false;
  #flushed: Promise<void> = Promise.resolve();

  constructor(deps: BatchDeps, hooks: BatchHooks<T>, settings: BatchSettings = DEFAULT_BATCH) {
    this.#deps = deps;
    this.#hooks = hooks;
    this.#settings = settings;
  }

  /** Takes an item, or counts it as lost. */
  add(key: string, item: T): void {
    if (this.#stopped || this.#pending.size >= this.#settings.maxPending) return this.#hooks.lost();
    this.#pending.set(key, item);
    this.#arm(this.#settings.flushMs);
  }

  /** An item that is not written yet. */
  held(key: string): T | undefined {
    return this.#pending.get(key) ?? this.#writing.get(key);
  }

  /** Writes what waits. Never rejects: what is not taken now is tried again. */
  flush(): Promise<void> {
    this.#disarm();
    this.#flushed = this.#flushed.then(() => this.#write());
    return this.#flushed;
  }

  /**
   * Writes what waits and stops.
   *
   * @returns how many items were not taken; they are lost
   */
  async stop(): Promise<number> {
    this.#stopped = true;
    await this.flush();
    this.#disarm();
    const unwritten = this.#pending.size;
    for (let n = 0; n < unwritten; n++) this.#hooks.lost();
    return unwritten;
  }

  async #write(): Promise<void> {
    while (this.#pending.size > 0) {
      const batch = new Map([...this.#pending].slice(0, this.#settings.batch));
      for (const key of batch.keys()) this.#pending.delete(key);
      this.#writing = batch;
      try {
        await this.#hooks.write([...batch.values()]);
      } catch (error) {
        this.#deps.log.error({ fault: describeFault(error), count: batch.size }, `${this.#deps.what} not written`);
        this.#pending = new Map([...batch, ...this.#pending]);
        return this.#arm(this.#settings.retryMs);
      } finally {
        this.#writing = new Map();
      }
    }
  }

  #arm(afterMs: number): void {
    this.#timer ??= this.#deps.clock.setTimer(afterMs, () => void this.flush());
  }

  #disarm(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }
}
