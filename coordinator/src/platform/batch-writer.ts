import { type Clock, describeFault } from "@hearth/platform";
import type { Logger } from "./logger.js";

export interface BatchSettings {
  /** Items are written together, this long after the first of them, ms: a transaction costs the same for one or many. */
  readonly flushMs: number;
  /** How long to wait before a failed write is repeated, ms. */
  readonly retryMs: number;
  /** Most items of one write. */
  readonly batch: number;
  /** Most items that wait. If the store is away for long, further items are lost. */
  readonly maxPending: number;
}

const DEFAULT_BATCH: BatchSettings = { flushMs: 100, retryMs: 5_000, batch: 1_000, maxPending: 20_000 };

export interface BatchHooks<T> {
  /** Stores all items or none. Items that are stored already stay as they are. */
  write(items: readonly T[]): Promise<void>;
  /** An item was lost. */
  lost(): void;
}

export interface BatchDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** What the items are called in the log. */
  readonly what: string;
}

/** Writes items in batches, in the background. Until an item is written it can be found by its key. */
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

  /** Takes an item, or counts it as lost if too many wait. */
  add(key: string, item: T): void {
    if (this.#stopped || this.#pending.size >= this.#settings.maxPending) return this.#hooks.lost();
    this.#pending.set(key, item);
    this.#arm(this.#settings.flushMs);
  }

  /** How many items wait to be written; those that are being written count once that has failed. */
  get waiting(): number {
    return this.#pending.size;
  }

  /** An item that is not written yet. */
  held(key: string): T | undefined {
    return this.#pending.get(key) ?? this.#writing.get(key);
  }

  /** Writes what waits. Never rejects: a failed write is repeated later. */
  flush(): Promise<void> {
    this.#disarm();
    this.#flushed = this.#flushed.then(() => this.#write());
    return this.#flushed;
  }

  /**
   * Writes what waits and stops.
   *
   * @returns how many items could not be written and are lost
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
