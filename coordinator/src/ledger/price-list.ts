import { MAX_MICRO_USD, type MicroUsd } from "../platform/micro-usd.js";

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
  /** How many times the operator's price an owner may ask for answers of their machine. */
  readonly ownerMaxFactor: number;
}

/** An operator who says nothing asks for nothing. */
export const DEFAULT_PRICES: PriceSettings = { default: [], models: new Map(), ownerMaxFactor: 1 };

/** What owners ask for answers of their machines. */
export interface OwnerPrices {
  /** @param atMs wall-clock ms */
  of(machine: string, model: string, atMs: number): Price | undefined;
}

/** The prices as they stand when a request arrives: what changes afterwards is not for that request. */
export interface Tariff {
  /** What an answer of this build on this machine costs; `undefined` = nothing. */
  of(build: string, machine: string): Price | undefined;
  /** What no answer of one of these builds costs more than, whoever gives it; `undefined` = nothing. */
  dearest(builds: readonly string[]): Price | undefined;
}

/**
 * The operator's prices and the owners'. A model has the latest price of its own that holds already, else the latest
 * default. An owner's price counts where the operator has one, up to so many times that: who asks for no money gives
 * nobody the right to.
 */
export class PriceList {
  readonly #settings: PriceSettings;
  readonly #owners: OwnerPrices | undefined;

  constructor(settings: PriceSettings, owners?: OwnerPrices) {
    this.#settings = settings;
    this.#owners = owners;
  }

  /**
   * @param wallMs wall-clock ms
   * @returns `undefined` where nothing has a price, now or ever
   */
  at(wallMs: number): Tariff | undefined {
    const { default: byDefault, models } = this.#settings;
    if (byDefault.length === 0 && models.size === 0) return undefined;
    return {
      of: (build, machine) => this.#of(build, machine, wallMs),
      dearest: (builds) => this.#dearest(builds, wallMs),
    };
  }

  #of(build: string, machine: string, atMs: number): Price | undefined {
    const listed = this.#listed(build, atMs);
    const asked = listed && this.#owners?.of(machine, build, atMs);
    return asked === undefined ? listed : least(asked, this.#ceiling(listed as Price));
  }

  #dearest(builds: readonly string[], atMs: number): Price | undefined {
    const prices = builds.flatMap((build) => this.#listed(build, atMs) ?? []);
    if (prices.length === 0) return undefined;
    const dearest = prices.reduce((one, other) => each((name) => (one[name] > other[name] ? one : other)[name]));
    return this.#owners === undefined ? dearest : this.#ceiling(dearest);
  }

  #listed(build: string, atMs: number): Price | undefined {
    const { default: byDefault, models } = this.#settings;
    return inForce(models.get(build) ?? [], atMs) ?? inForce(byDefault, atMs);
  }

  /** The most that an owner gets, and at least the operator's own price. */
  #ceiling(listed: Price): Price {
    const permille = BigInt(Math.round(Math.max(1, this.#settings.ownerMaxFactor) * 1000));
    return each((name) => within((listed[name] * permille) / 1000n));
  }
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

const least = (one: Price, other: Price): Price => each((name) => (one[name] < other[name] ? one : other)[name]);

const within = (amount: bigint): MicroUsd => (amount > MAX_MICRO_USD ? MAX_MICRO_USD : amount);
