import { BoundedMap } from "@hearth/platform";

/** How token estimates are set right by what backends report. */
export interface CalibrationSettings {
  /** Models that are remembered: eight times as many as one machine may advertise. */
  readonly models: number;
  /** Providers of a model whose word counts: the latest to report. */
  readonly providers: number;
  /** The last ratios of each provider that are kept, so that none weighs more for serving more. */
  readonly samplesPerProvider: number;
  /** Ratios of a model from which on it is calibrated. */
  readonly evidence: number;
  /** After how many more it is calibrated anew: it costs some 20 µs. */
  readonly every: number;
  /** The lower bound before there is evidence, as a share of the estimate. */
  readonly leastBefore: number;
  /** The quantile of the ratios that is the lower bound afterwards. */
  readonly leastQuantile: number;
  /** What is reported outside these ratios counts something else, or is a lie. */
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

/** What a prompt is taken to come to, tokens. */
export interface TokenBounds {
  readonly expected: number;
  /** Hardly any prompt of this estimate comes to less. */
  readonly least: number;
}

/** What a provider says of a prompt. */
export interface ReportedPrompt {
  /** The name that the estimate was asked for by. */
  readonly model: string;
  /** Who says so, by what stays the same when it connects again. */
  readonly provider: string;
  /** As the dialect estimated it, tokens. */
  readonly raw: number;
  /** The whole prompt, what was cached of it included, tokens. */
  readonly reported: number;
}

/**
 * How far off the estimate is for each model: each has a tokenizer and a template of its own. One provider counts as
 * one, whatever it reports and how often.
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

  /** What cannot be a count of this prompt is passed over. */
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
  /** As multiples of the estimate; absent before there is evidence. */
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

/** The median; of two in the middle that which is nearer to 1, so that one liar among two is not half believed. */
function middle(sorted: Float64Array): number {
  const low = sorted[Math.floor((sorted.length - 1) / 2)] as number;
  const high = sorted[Math.floor(sorted.length / 2)] as number;
  return Math.abs(Math.log(low)) <= Math.abs(Math.log(high)) ? low : high;
}
