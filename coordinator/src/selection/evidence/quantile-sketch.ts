/** Buckets from 1 to 1.17 million in steps of 15 %: 20 minutes in ms, a long context in tokens. */
const STEP = 1.15;
const BUCKETS = 100;
/** When a sketch holds this many samples all counts are halved, so that old traffic fades. */
const HALVE_AT = 512;

/**
 * A fixed-size sketch of how values of one or more are distributed: 100 counters, whatever it has seen. A quantile is
 * off by half a step of 15 % at most.
 */
export class QuantileSketch {
  readonly #counts = new Float64Array(BUCKETS);
  #total = 0;

  /** What it goes by: once full, it stays between half of its size and all of it. */
  get samples(): number {
    return this.#total;
  }

  /** @param value what is under one counts as one */
  add(value: number): void {
    const bucket = Math.min(BUCKETS - 1, Math.max(0, Math.floor(Math.log(Math.max(1, value)) / Math.log(STEP))));
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.#total += 1;
    if (this.#total >= HALVE_AT) this.#halve();
  }

  /**
   * @param q in (0, 1]
   * @returns in the unit of what was added, or `undefined` before the first sample
   */
  quantile(q: number): number | undefined {
    if (this.#total === 0) return undefined;
    let seen = 0;
    for (const [bucket, count] of this.#counts.entries()) {
      seen += count;
      if (seen >= q * this.#total) return STEP ** (bucket + 0.5);
    }
    return STEP ** BUCKETS;
  }

  #halve(): void {
    this.#total = 0;
    for (const [bucket, count] of this.#counts.entries()) {
      this.#counts[bucket] = count / 2;
      this.#total += count / 2;
    }
  }
}
