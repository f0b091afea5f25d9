import { BoundedMap } from "@hearth/platform";
import { QuantileSketch } from "../selection/evidence/quantile-sketch.js";
import { DEFAULT_HEDGING, type HedgeSettings } from "./hedge-settings.js";

/** Upper bounds of the prompt sizes that share a sketch, tokens. */
const BUCKET_LIMITS = [256, 1_024, 4_096, 16_384, 65_536] as const;
/** Pairs of model and prompt size that are remembered; the longest unused is dropped first. */
const MAX_KEYS = 2_048;

/** Observed times to first token by model and prompt size, from which the hedge delay follows. */
export class TtftHistory {
  readonly #sketches = new BoundedMap<string, QuantileSketch>(MAX_KEYS);
  readonly #settings: () => HedgeSettings;

  /** @param settings read at each use */
  constructor(settings: () => HedgeSettings = () => DEFAULT_HEDGING) {
    this.#settings = settings;
  }

  observe(model: string, promptTokens: number, ms: number): void {
    const key = keyOf(model, promptTokens);
    const sketch = this.#sketches.get(key) ?? new QuantileSketch();
    this.#sketches.set(key, sketch);
    sketch.add(ms);
  }

  /**
   * An attempt was given up before its first content. It would have taken at least this long, which counts only when
   * most take less.
   */
  censored(model: string, promptTokens: number, ms: number): void {
    const usualMs = this.#sketches.get(keyOf(model, promptTokens))?.quantile(this.#settings().delayQuantile);
    if (usualMs !== undefined && ms > usualMs) this.observe(model, promptTokens, ms);
  }

  /**
   * When to start a backup: at a high percentile, but never so early that it only reacts to noise.
   *
   * @returns ms, or `undefined` before there is evidence
   */
  hedgeDelayMs(model: string, promptTokens: number): number | undefined {
    const sketch = this.#sketches.get(keyOf(model, promptTokens));
    const { delayQuantile, delayFromSamples, leastDelayMs } = this.#settings();
    const delayMs = sketch?.quantile(delayQuantile);
    if (sketch === undefined || sketch.samples < delayFromSamples || delayMs === undefined) return undefined;
    return Math.max(leastDelayMs, delayMs);
  }
}

function keyOf(model: string, promptTokens: number): string {
  const bucket = BUCKET_LIMITS.findIndex((limit) => promptTokens <= limit);
  return `${bucket}\n${model}`;
}
