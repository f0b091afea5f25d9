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
 * The coordinator looks for somebody else when an attempt shows nothing for 10 s and 1 s a thousand prompt tokens. A
 * refusal is worth something only before that. Longer waits occupy a place in the line for a request that nobody wants
 * any more.
 */
export const DEFAULT_ADMISSION: AdmissionLimits = { maxWaitMs: 10_000, maxWaiting: 64 };

/** Why somebody no longer waits. */
type Outcome = { readonly type: "admitted" } | { readonly type: "refused"; readonly reason: unknown };

interface Waiting {
  readonly model: string;
  /** Told how many are ahead. */
  readonly queued: (ahead: number) => void;
  readonly settle: (outcome: Outcome) => void;
}

/** Decides how many requests are on the backend at once. The others wait in the order in which they came, not for ever. */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #clock: Clock;
  readonly #working = new Map<string, number>();
  readonly #waiting: Waiting[] = [];
  #total = 0;

  constructor(limits: AdmissionLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** How many wait, for a model or at all. */
  waiting(model?: string): number {
    return model === undefined ? this.#waiting.length : this.#waiting.filter((each) => each.model === model).length;
  }

  /**
   * Takes a place on the backend, waiting for it if there is none. Dispose what is returned when the backend is done.
   *
   * @param queued told how many are ahead, when it begins to wait and whenever that has changed
   * @throws JobFailure when too many wait already or the wait is too long
   * @throws the signal's reason when it aborts
   */
  async enter(model: string, queued: (ahead: number) => void, signal: AbortSignal): Promise<Disposable> {
    signal.throwIfAborted();
    if (this.#hasFreeSlot(model)) this.#take(model);
    else if (this.#waiting.length >= this.#limits.maxWaiting) throw JobFailure.noFreeSlot();
    else await this.#wait(model, queued, signal);
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
  }

  #wait(model: string, queued: (ahead: number) => void, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (outcome: Outcome): void => {
        timer[Symbol.dispose]();
        signal.removeEventListener("abort", aborted);
        const at = this.#waiting.indexOf(waiting);
        this.#waiting.splice(at, 1);
        for (let place = at; place < this.#waiting.length; place++) this.#waiting[place]?.queued(place);
        if (outcome.type === "admitted") resolve();
        else reject(outcome.reason);
      };
      const waiting: Waiting = { model, queued, settle };
      const aborted = (): void => settle({ type: "refused", reason: signal.reason });
      const tooLong = (): void => settle({ type: "refused", reason: JobFailure.noFreeSlot() });
      const timer = this.#clock.setTimer(this.#limits.maxWaitMs, tooLong);
      signal.addEventListener("abort", aborted, { once: true });
      queued(this.#waiting.push(waiting) - 1);
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
    // A model that is full must not keep those behind it from another one.
    const next = this.#waiting.find((waiting) => this.#hasFreeSlot(waiting.model));
    if (next === undefined) return;
    this.#take(next.model);
    next.settle({ type: "admitted" });
  }
}
