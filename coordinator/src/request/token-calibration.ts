import { BoundedMap } from "@hearth/platform";

/** How token estimates are corrected by what backends report. */
export interface CalibrationSettings {
  /** Models that are remembered, eight times as many as one machine may advertise. */
  readonly models: number;
  /** Providers whose reports count for a model: those that reported last. */
  readonly providers: number;
  /** Ratios that are kept of each provider, so that serving more gives it no more weight. */
  readonly samplesPerProvider: number;
  /** Number of ratios from which on a model is calibrated. */
  readonly evidence: number;
  /** After how many more it is calibrated again, which costs some 20 µs. */
  readonly every: number;
  /** Lower bound before there is evidence, as a share of the estimate. */
  readonly leastBefore: number;
  /** The quantile of the ratios that is the lower bound afterwards. */
  readonly leastQuantile: number;
  /** Ratios outside these bounds are ignored: the backend counts something else, or lies. */
  readonly credible: { readonly least: number; readonly most: number };
}

export const DEFAULT_CALIBRATION: CalibrationSettings = {
  models: 2_048,
  providers: 16,
  samplesPerProvider: 32,
  evidence: 20,
  every: 16,
  leastBefore: 0.5,
  leastQuantile: 0.01,
  credible: { least: 0.1, most: 10 },
};

/** The estimated size of a prompt, tokens. */
export interface TokenBounds {
  readonly expected: number;
  /** Hardly any prompt with this estimate has less. */
  readonly least: number;
}

/** A provider's report of the size of a prompt. */
export interface ReportedPrompt {
  /** The model name for which the estimate was made. */
  readonly model: string;
  /** The reporting provider, by an id that survives reconnecting. */
  readonly provider: string;
  /** As the dialect estimated it, tokens. */
  readonly raw: number;
  /** The whole prompt including what was cached, tokens. */
  readonly reported: number;
}

/**
 * Learns by how much the estimate is off for each model, since each has its own tokenizer and template. Every provider
 * has the same weight, however much it reports.
 */
export class TokenCalibration {
  readonly #settings: () => CalibrationSettings;
  readonly #models: BoundedMap<string, ModelRatios>;

  /** @param settings read at each use */
  constructor(settings: () => CalibrationSettings = () => DEFAULT_CALIBRATION) {
    this.#settings = settings;
    this.#models = new BoundedMap(() => settings().models);
  }

  /** @param raw as the dialect estimated it, tokens */
  estimate(model: string, raw: number): TokenBounds {
    const { expected, least } = this.#models.get(model)?.learnt ?? { expected: 1, least: this.#settings().leastBefore };
    return { expected: Math.ceil(raw * expected), least: Math.floor(raw * least) };
  }

  /** Ignores reports that cannot be a count of this prompt. */
  learn({ model, provider, raw, reported }: ReportedPrompt): void {
    const ratio = reported / raw;
    const { least, most } = this.#settings().credible;
    if (!(ratio >= least && ratio <= most)) return;
    const ratios = this.#models.get(model) ?? new ModelRatios(this.#settings);
    ratios.add(provider, ratio);
    this.#models.set(model, ratios);
  }
}

/** The last ratios of one model, by provider. */
class ModelRatios {
  readonly #settings: () => CalibrationSettings;
  readonly #byProvider: BoundedMap<string, number[]>;
  #added = 0;
  /** As multiples of the estimate; `undefined` before there is evidence. */
  learnt: TokenBounds | undefined;

  constructor(settings: () => CalibrationSettings) {
    this.#settings = settings;
    this.#byProvider = new BoundedMap(() => settings().providers);
  }

  add(provider: string, ratio: number): void {
    const { samplesPerProvider, evidence, every } = this.#settings();
    const ratios = this.#byProvider.get(provider) ?? [];
    ratios.push(ratio);
    while (ratios.length > samplesPerProvider) ratios.shift();
    this.#byProvider.set(provider, ratios);
    this.#added += 1;
    if (this.#added >= evidence && (this.#added - evidence) % every === 0) this.learnt = this.#learn();
  }

  #learn(): TokenBounds {
    const sorted = [...this.#byProvider.entries()].map(([, ratios]) => Float64Array.from(ratios).sort());
    const expected = middle(Float64Array.from(sorted, middle).sort());
    const all = Float64Array.from(sorted.flatMap((ratios) => [...ratios])).sort();
    const least = all[Math.floor(all.length * this.#settings().leastQuantile)] as number;
    return { expected, least: Math.min(least, expected) };
  }
}

/** The median; of two values in the middle the one nearer to 1, so that one liar among two has little effect. */
function middle(sorted: Float64Array): number {
  const low = sorted[Math.floor((sorted.length - 1) / 2)] as number;
  const high = sorted[Math.floor(sorted.length / 2)] as number;
  return Math.abs(Math.log(low)) <= Math.abs(Math.log(high)) ? low : high;
}
