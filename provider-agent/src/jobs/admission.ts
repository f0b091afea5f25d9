import type { Clock } from "@hearth/platform";
import { JobFailure } from "./job-failure.js";

export interface AdmissionLimits {
  /** Requests at once, of all models together; absent = no bound. */
  readonly maxConcurrency?: number;
  /** The same for single models, by id. */
  readonly perModel?: Readonly<Record<string, number>>;
  /** How long a request may wait for its turn, ms. */
  readonly maxWaitMs: number;
  /** How many may wait at once. */
  readonly maxWaiting: number;
}

/**
 * The coordinator starts another attempt when this one shows nothing for 10 s plus 1 s a thousand prompt tokens, so a
 * refusal helps only before that. A longer wait would keep up the line for a request that nobody wants any more.
 */
export const DEFAULT_ADMISSION: AdmissionLimits = { maxWaitMs: 10_000, maxWaiting: 64 };

/** How a wait ended. */
type Outcome = { readonly type: "admitted" } | { readonly type: "refused"; readonly reason: unknown };

export interface AdmissionHooks {
  /** So many are ahead: called when the wait begins, and whenever that number changes. */
  queued(ahead: number): void;
}

export interface OccupationHooks {
  /** The first request has a slot now, or the last one has given it back. */
  busy?(isBusy: boolean): void;
}

interface Waiting {
  readonly model: string;
  readonly hooks: AdmissionHooks;
  readonly settle: (outcome: Outcome) => void;
}

/** Hands out the backend's slots. Requests that find none free wait in the order in which they came, up to a limit. */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #clock: Clock;
  readonly #hooks: OccupationHooks;
  readonly #working = new Map<string, number>();
  readonly #waiting: Waiting[] = [];
  #total = 0;

  constructor(limits: AdmissionLimits, clock: Clock, hooks: OccupationHooks = {}) {
    this.#limits = limits;
    this.#clock = clock;
    this.#hooks = hooks;
  }

  /** How many wait, for a model or at all. */
  waiting(model?: string): number {
    return model === undefined ? this.#waiting.length : this.#waiting.filter((each) => each.model === model).length;
  }

  /**
   * Takes a slot, waiting for one if none is free. Dispose of it when the backend is done.
   *
   * @throws JobFailure when too many wait already or the wait is too long
   * @throws the signal's reason when it aborts
   */
  async enter(model: string, hooks: AdmissionHooks, signal: AbortSignal): Promise<Disposable> {
    signal.throwIfAborted();
    if (this.#hasFreeSlot(model)) this.#take(model);
    else if (this.#waiting.length >= this.#limits.maxWaiting) throw JobFailure.noFreeSlot();
    else await this.#wait(model, hooks, signal);
    return this.#slot(model);
  }

  #hasFreeSlot(model: string): boolean {
    const { maxConcurrency = Number.POSITIVE_INFINITY, perModel = {} } = this.#limits;
    const ofModel = Object.hasOwn(perModel, model) ? perModel[model] : undefined;
    return this.#total < maxConcurrency && (this.#working.get(model) ?? 0) < (ofModel ?? Number.POSITIVE_INFINITY);
  }

  #take(model: string): void {
    this.#total += 1;
    this.#working.set(model, (this.#working.get(model) ?? 0) + 1);
    if (this.#total === 1) this.#hooks.busy?.(true);
  }

  #wait(model: string, hooks: AdmissionHooks, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (outcome: Outcome): void => {
        timer[Symbol.dispose]();
        signal.removeEventListener("abort", aborted);
        const at = this.#waiting.indexOf(waiting);
        this.#waiting.splice(at, 1);
        for (let ahead = at; ahead < this.#waiting.length; ahead++) this.#waiting[ahead]?.hooks.queued(ahead);
        if (outcome.type === "admitted") resolve();
        else reject(outcome.reason);
      };
      const waiting: Waiting = { model, hooks, settle };
      const aborted = (): void => settle({ type: "refused", reason: signal.reason });
      const tooLong = (): void => settle({ type: "refused", reason: JobFailure.noFreeSlot() });
      const timer = this.#clock.setTimer(this.#limits.maxWaitMs, tooLong);
      signal.addEventListener("abort", aborted, { once: true });
      hooks.queued(this.#waiting.push(waiting) - 1);
    });
  }

  #slot(model: string): Disposable {
    let given = true;
    return {
      [Symbol.dispose]: () => {
        if (!given) return;
        given = false;
        this.#release(model);
      },
    };
  }

  #release(model: string): void {
    this.#total -= 1;
    const left = (this.#working.get(model) ?? 1) - 1;
    if (left === 0) this.#working.delete(model);
    else this.#working.set(model, left);
    // A model whose slots are all taken must not hold up requests for another one.
    const next = this.#waiting.find((waiting) => this.#hasFreeSlot(waiting.model));
    if (next !== undefined) {
      this.#take(next.model);
      next.settle({ type: "admitted" });
    } else if (this.#total === 0) this.#hooks.busy?.(false);
  }
}
