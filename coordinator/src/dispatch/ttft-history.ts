import { BoundedMap } from "@hearth/platform";
import { QuantileSketch } from "../selection/evidence/quantile-sketch.js";

/** Prompt sizes that count as alike, tokens. */
const BUCKET_LIMITS = [256, 1_024, 4_096, 16_384, 65_536] as const;
/** Samples before a quantile counts as evidence. */
const MIN_SAMPLES = 20;
/** Model × bucket pairs kept; the longest unused go first. */
const MAX_KEYS = 2_048;
/** A hedge sooner than this would race noise, ms. */
const MIN_HEDGE_DELAY_MS = 250;

/** Times to first token as observed, by model and prompt size: when is a request late? */
export class TtftHistory {
  readonly #sketches = new BoundedMap<string, QuantileSketch>(MAX_KEYS);

  observe(model: string, promptTokens: number, ms: number): void {
    const key = keyOf(model, promptTokens);
    const sketch = this.#sketches.get(key) ?? new QuantileSketch();
    this.#sketches.set(key, sketch);
    sketch.add(ms);
  }

  /**
   * When to start a backup: at the 95th percentile, but never so early that it races noise.
   *
   * @returns ms, or `undefined` before there is evidence
   */
  hedgeDelayMs(model: string, promptTokens: number): number | undefined {
    const sketch = this.#sketches.get(keyOf(model, promptTokens));
    const p95 = sketch?.quantile(0.95);
    if (sketch === undefined || sketch.samples < MIN_SAMPLES || p95 === undefined) return undefined;
    return Math.max(MIN_HEDGE_DELAY_MS, p95);
  }
}

function keyOf(model: string, promptTokens: number): string {
  const bucket = BUCKET_LIMITS.findIndex((limit) => promptTokens <= limit);
  return `${bucket}\n${model}`;
}
