import { BoundedMap } from "@hearth/platform";
import { QuantileSketch } from "../selection/evidence/quantile-sketch.js";
import { DEFAULT_HEDGING, type HedgeSettings } from "./hedge-settings.js";

/** Prompt sizes that count as alike, tokens. */
const BUCKET_LIMITS = [256, 1_024, 4_096, 16_384, 65_536] as const;
/** Model × bucket pairs kept; the longest unused go first. */
const MAX_KEYS = 2_048;

/** Times to first token as observed, by model and prompt size: when is a request late? */
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
   * An attempt was given up before its first content: it would have taken so long at least, which tells something only
   * where most do not take as long.
   */
  censored(model: string, promptTokens: number, ms: number): void {
    const usualMs = this.#sketches.get(keyOf(model, promptTokens))?.quantile(this.#settings().delayQuantile);
    if (usualMs !== undefined && ms > usualMs) this.observe(model, promptTokens, ms);
  }

  /**
   * When to start a backup: at a high percentile, but never so early that it races noise.
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
