/** Sketch buckets: 1 ms to 20 min in steps of 15 %. A quantile is off by half a step at most. */
const STEP = 1.15;
const BUCKETS = 100;
/** When a sketch holds this many samples all counts are halved, so that old traffic fades. */
const HALVE_AT = 512;

/** A fixed-size sketch of a latency distribution: 100 counters, whatever it has seen. */
export class LatencySketch {
  readonly #counts = new Float64Array(BUCKETS);
  #total = 0;

  get samples(): number {
    return this.#total;
  }

  add(ms: number): void {
    const bucket = Math.min(BUCKETS - 1, Math.max(0, Math.floor(Math.log(Math.max(1, ms)) / Math.log(STEP))));
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.#total += 1;
    if (this.#total >= HALVE_AT) this.#halve();
  }

  /**
   * @param q in (0, 1]
   * @returns ms, or `undefined` before the first sample
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
