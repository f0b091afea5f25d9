import { BoundedMap } from "@hearth/platform";
import type { Provider } from "../fleet/provider.js";

/**
 * Memory bandwidth by chip, bytes a second, as Apple publishes it. When a name covers several chips (a binned Max), the
 * lowest value. More specific names come first.
 */
const BANDWIDTHS: readonly (readonly [RegExp, number])[] = [
  [/M[12] Ultra/, 800e9],
  [/M3 Ultra/, 819e9],
  [/M[12] Max/, 400e9],
  [/M3 Max/, 300e9],
  [/M4 Max/, 410e9],
  [/M[12] Pro/, 200e9],
  [/M3 Pro/, 150e9],
  [/M4 Pro/, 273e9],
  [/M1\b/, 68e9],
  [/M[23]\b/, 100e9],
  [/M4\b/, 120e9],
];

/** Two channels of DDR4, about the least that a machine which serves models will have. */
const OTHER_BANDWIDTH = 50e9;
/** Share of the bandwidth that decoding reaches in practice. */
const EFFICIENCY = 0.6;
/** Prompts are read in batches, about this many times as fast as answers are written. */
const PREFILL_FACTOR = 10;
/** Limit for small models, where other work than reading weights dominates, tokens a second. */
const MAX_DECODE_TPS = 200;

export interface RateEstimate {
  /** Tokens a second. */
  readonly decodeTps: number;
  /**
   * Tokens a second; `undefined` for chips that are not in the table: a graphics card that the machine does not report
   * may be reading the prompt, many times as fast as main memory would allow.
   */
  readonly prefillTps: number | undefined;
}

/**
 * Estimates a machine's speed with a model that was never measured there. Each token of an answer reads all weights
 * once, so memory bandwidth decides.
 *
 * @returns `undefined` where the weights' size is not known
 */
export function estimateRates(provider: Provider, model: string): RateEstimate | undefined {
  const weights = provider.models.get(model)?.weights_bytes;
  if (!weights) return undefined;
  const bandwidth = bandwidthOf(provider.hardware.chip ?? "");
  const decodeTps = Math.min(MAX_DECODE_TPS, (EFFICIENCY * (bandwidth ?? OTHER_BANDWIDTH)) / weights);
  return { decodeTps, prefillTps: bandwidth === undefined ? undefined : decodeTps * PREFILL_FACTOR };
}

/** By chip name: every choice asks about every provider of a model. */
const known = new BoundedMap<string, { readonly bandwidth: number | undefined }>(1_024);

function bandwidthOf(chip: string): number | undefined {
  const found = known.get(chip);
  if (found !== undefined) return found.bandwidth;
  const bandwidth = chip.startsWith("Apple ") ? BANDWIDTHS.find(([name]) => name.test(chip))?.[1] : undefined;
  known.set(chip, { bandwidth });
  return bandwidth;
}
