import { MAX_MICRO_USD, type MicroUsd } from "../platform/micro-usd.js";
import { DEFAULT_OWNER_PRICES, type OwnerPriceSettings } from "./owner-price-settings.js";

/** What the tokens of a model cost, micro-USD per million tokens. */
export interface Price {
  readonly input: MicroUsd;
  readonly output: MicroUsd;
  /** Of prompt tokens that the backend took from its cache. */
  readonly cachedInput: MicroUsd;
}

/** What has no price. */
export const FREE: Price = { input: 0n, output: 0n, cachedInput: 0n };

/** A price, and since when it holds. */
export interface DatedPrice extends Price {
  /** Wall-clock ms; the first of a list may hold since ever (0). */
  readonly fromMs: number;
}

/** What the operator asks for answers. */
export interface PriceSettings {
  /** Of models that have no prices of their own, by date. */
  readonly default: readonly DatedPrice[];
  /** By build, each by date. */
  readonly models: ReadonlyMap<string, readonly DatedPrice[]>;
}

/** An operator who says nothing asks for nothing. */
export const DEFAULT_PRICES: PriceSettings = { default: [], models: new Map() };

/** The machine that does the work, and whose it is. */
export interface Worker {
  readonly id: string;
  readonly account: string;
}

/** What owners ask for answers of their machines: a state of it, which never changes. */
export interface OwnerPrices {
  readonly isEmpty: boolean;
  /** Whether anybody has ever asked anything for it. */
  knows(build: string): boolean;
  /** @param atMs wall-clock ms */
  of(worker: Worker, build: string, atMs: number): Price | undefined;
}

const NOBODY: OwnerPrices = { isEmpty: true, knows: () => false, of: () => undefined };

/** What owners ask, and when. */
interface Moment {
  readonly owners: OwnerPrices;
  /** Wall-clock ms. */
  readonly atMs: number;
}

/** Machines that may serve a build: asked for where what they cost makes a difference. */
export type WorkersOf = (build: string) => Iterable<Worker>;

/** What the answers of one request may cost. */
export interface PriceRange {
  /** Where an owner asks nothing of their own. */
  readonly platform: Price;
  /** Amount by amount, over all machines that may serve it. */
  readonly cheapest: Price;
  readonly dearest: Price;
}

/** The prices of one request, from its arrival to its end: whatever changes meanwhile is not for it. */
export interface Quote {
  /** What no answer to it costs more than, amount by amount, whoever gives it; `undefined` = all of it is free. */
  readonly dearest: Price | undefined;
  /** What an answer of this build by this machine costs; `undefined` = nothing. */
  of(build: string, worker: Worker): Price | undefined;
}

/** The prices as they stand at a moment. */
export interface Tariff {
  /** @param builds those that may stand for one another */
  quote(builds: readonly string[], workers: WorkersOf): Quote;
  /** @returns `undefined` where all of it is free */
  range(builds: readonly string[], workers: WorkersOf): PriceRange | undefined;
}

/** What an owner may ask for a build. */
export interface OwnerLimits {
  readonly least: Price;
  readonly most: Price;
}

/**
 * The operator's prices and the owners'. A model has the latest price of its own that holds already, else the latest
 * default. An owner's price counts within the bounds that the operator's gives; where the operator asks nothing, it has
 * no effect unless the settings allow it.
 */
export class PriceList {
  readonly #settings: PriceSettings;
  readonly #allowed: OwnerPriceSettings;
  readonly #owners: () => OwnerPrices;

  /** @param owners what they ask as it stands; read for each tariff */
  constructor(
    settings: PriceSettings,
    allowed: OwnerPriceSettings = DEFAULT_OWNER_PRICES,
    owners: () => OwnerPrices = () => NOBODY,
  ) {
    this.#settings = settings;
    this.#allowed = allowed;
    this.#owners = owners;
  }

  /**
   * @param wallMs wall-clock ms
   * @returns `undefined` where nothing has a price, now or ever
   */
  at(wallMs: number): Tariff | undefined {
    const { default: byDefault, models } = this.#settings;
    const owners = this.#owners();
    const isOwners = this.#allowed.unpricedMostMicroUsd > 0 && !owners.isEmpty;
    if (byDefault.length === 0 && models.size === 0 && !isOwners) return undefined;
    const range = (builds: readonly string[], workers: WorkersOf): PriceRange | undefined =>
      this.#range(builds, { workers, owners, atMs: wallMs });
    return {
      range,
      quote: (builds, workers) => {
        const dearest = range(builds, workers)?.dearest;
        return {
          dearest,
          of: (build, worker) => {
            const price = this.#of(build, worker, { owners, atMs: wallMs });
            // Who comes when a request is there already asks no more of it than it was told.
            return price && dearest && least(price, dearest);
          },
        };
      },
    };
  }

  /**
   * What an owner may ask for a build.
   *
   * @param atMs wall-clock ms
   * @returns `undefined` where nobody may ask anything
   */
  limits(build: string, atMs: number): OwnerLimits | undefined {
    return this.#limits(this.#listed(build, atMs));
  }

  #range(
    builds: readonly string[],
    { workers, ...at }: Moment & { readonly workers: WorkersOf },
  ): PriceRange | undefined {
    const costs = builds.flatMap((build) => this.#costsOf(build, { workers, ...at }));
    if (costs.every((price) => price === undefined)) return undefined;
    const prices = costs.map((price) => price ?? FREE);
    const platform = builds.map((build) => this.#listed(build, at.atMs) ?? FREE).reduce(most);
    return { platform, cheapest: prices.reduce(least), dearest: prices.reduce(most) };
  }

  /** What a build costs on its machines, all that cost the same once: there may be a thousand of them. */
  #costsOf(
    build: string,
    { workers, owners, atMs }: Moment & { readonly workers: WorkersOf },
  ): readonly (Price | undefined)[] {
    const listed = this.#listed(build, atMs);
    if (!owners.knows(build)) return [listed];
    const limits = this.#limits(listed);
    const asked = new Set<Price | undefined>();
    for (const worker of workers(build)) asked.add(owners.of(worker, build, atMs));
    // Nobody is there yet.
    if (asked.size === 0) return [listed];
    return [...asked].map((price) => allowed(price, listed, limits));
  }

  #of(build: string, worker: Worker, { owners, atMs }: Moment): Price | undefined {
    const listed = this.#listed(build, atMs);
    const asked = owners.of(worker, build, atMs);
    return asked === undefined ? listed : allowed(asked, listed, this.#limits(listed));
  }

  #limits(listed: Price | undefined): OwnerLimits | undefined {
    const { maxMultiple, minMultiple, unpricedMostMicroUsd } = this.#allowed;
    if (listed !== undefined) return { least: times(listed, minMultiple), most: times(listed, maxMultiple) };
    const bound = BigInt(unpricedMostMicroUsd);
    return bound === 0n ? undefined : { least: FREE, most: each(() => bound) };
  }

  #listed(build: string, atMs: number): Price | undefined {
    const { default: byDefault, models } = this.#settings;
    return inForce(models.get(build) ?? [], atMs) ?? inForce(byDefault, atMs);
  }
}

/** What an owner may ask of what is asked; the platform's price where that is nothing. */
function allowed(
  asked: Price | undefined,
  listed: Price | undefined,
  limits: OwnerLimits | undefined,
): Price | undefined {
  return asked === undefined || limits === undefined ? listed : most(limits.least, least(asked, limits.most));
}

/** The latest that holds; of two from the same moment the one that stands later. */
function inForce(prices: readonly DatedPrice[], atMs: number): DatedPrice | undefined {
  let latest: DatedPrice | undefined;
  for (const price of prices) {
    if (price.fromMs <= atMs && price.fromMs >= (latest?.fromMs ?? 0)) latest = price;
  }
  return latest;
}

const each = (amount: (name: keyof Price) => MicroUsd): Price => ({
  input: amount("input"),
  output: amount("output"),
  cachedInput: amount("cachedInput"),
});

function least(one: Price, other: Price): Price {
  return {
    input: (one.input < other.input ? one : other).input,
    output: (one.output < other.output ? one : other).output,
    cachedInput: (one.cachedInput < other.cachedInput ? one : other).cachedInput,
  };
}

function most(one: Price, other: Price): Price {
  return {
    input: (one.input > other.input ? one : other).input,
    output: (one.output > other.output ? one : other).output,
    cachedInput: (one.cachedInput > other.cachedInput ? one : other).cachedInput,
  };
}

/** In thousandths, rounded down. */
function times(price: Price, multiple: number): Price {
  const permille = BigInt(Math.round(multiple * 1000));
  return each((name) => within((price[name] * permille) / 1000n));
}

const within = (amount: bigint): MicroUsd => (amount > MAX_MICRO_USD ? MAX_MICRO_USD : amount);
