import { type Clock, describeFault, repeat } from "@hearth/platform";
import type { Logger } from "./logger.js";

/** How often it is looked for what is to be forgotten, ms. */
const PRUNE_MS = 3_600_000;
/** Pause between two batches, ms: everybody else gets a turn, also where the store is one that never waits. */
const PAUSE_MS = 20;

export interface PruningDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** What is pruned, for the log. */
  readonly what: string;
  /** Forgets one batch. @returns how many are gone */
  readonly prune: () => Promise<number>;
  /** So many of one batch: there may be more. */
  readonly batch: number;
}

/** Forgets what is older than it is to be kept, every hour, batch by batch. What fails is tried again with the next one. */
export class Pruning implements Disposable {
  readonly #deps: PruningDeps;
  readonly #looking: Disposable;
  readonly #stopped = new AbortController();

  constructor(deps: PruningDeps) {
    this.#deps = deps;
    this.#looking = repeat(deps.clock, PRUNE_MS, () => void this.#prune());
  }

  [Symbol.dispose](): void {
    this.#stopped.abort();
    this.#looking[Symbol.dispose]();
  }

  async #prune(): Promise<void> {
    try {
      await pruneAll(this.#deps, this.#stopped.signal);
    } catch (error) {
      const { log, what } = this.#deps;
      log.error({ fault: describeFault(error) }, `${what} not pruned`);
    }
  }
}

/**
 * Forgets batch by batch until there is nothing more to forget.
 *
 * @param signal no further batch is begun once it is aborted
 * @throws what `prune` throws
 */
export async function pruneAll(
  { prune, batch, clock }: Pick<PruningDeps, "prune" | "batch" | "clock">,
  signal?: AbortSignal,
): Promise<void> {
  while (signal?.aborted !== true && (await prune()) >= batch) {
    await new Promise<void>((resolve) => clock.setTimer(PAUSE_MS, resolve));
  }
}
