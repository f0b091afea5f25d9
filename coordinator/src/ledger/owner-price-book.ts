import { type Clock, describeFault, randomId } from "@hearth/platform";
import type { Logger } from "../platform/logger.js";
import type { Page } from "../store/enrolment-store.js";
import type {
  AccountPrices,
  AskedPrice,
  EndResult,
  ListedPrice,
  OwnPrice,
  PriceStore,
  PriceSubject,
  SetPriceResult,
} from "../store/price-store.js";
import type { OwnerPriceSettings } from "./owner-price-settings.js";
import type { OwnerPrices, Price, Worker } from "./price-list.js";

export interface OwnerPriceDeps {
  readonly store: PriceStore;
  readonly clock: Clock;
  readonly log: Logger;
  /** Read at each use. */
  readonly settings: () => Pick<OwnerPriceSettings, "perAccount" | "historyDays" | "refreshMs">;
}

/** What an owner wants from a moment on. */
export interface PriceOrder extends PriceSubject {
  readonly price: AskedPrice;
  /** Wall-clock ms; absent = at once. */
  readonly fromMs: number | undefined;
}

const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;

/**
 * What owners ask for answers of their machines, in memory. What is told here holds here when that is kept; other
 * coordinators' words are heard within `refreshMs`.
 */
export class OwnerPriceBook implements Disposable {
  readonly #deps: OwnerPriceDeps;
  #accounts: ReadonlyMap<string, AskedOf> = new Map();
  #current: OwnerPrices = pricesOf(this.#accounts);
  #revision = 0;
  /** One look at a time, so that none brings back what a later one has replaced. */
  #looking: Promise<void> = Promise.resolve();
  #timer: Disposable | undefined;
  #ended = false;

  private constructor(deps: OwnerPriceDeps) {
    this.#deps = deps;
  }

  /** @throws what the store throws */
  static async open(deps: OwnerPriceDeps): Promise<OwnerPriceBook> {
    const book = new OwnerPriceBook(deps);
    await book.#load();
    book.#arm();
    return book;
  }

  /** As it stands: another object whenever anything has changed. */
  get current(): OwnerPrices {
    return this.#current;
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    this.#timer?.[Symbol.dispose]();
  }

  /** @returns `past` = the moment is over: what was asked then is not changed any more @throws what the store throws */
  async set({ fromMs, ...order }: PriceOrder): Promise<SetPriceResult | { readonly type: "past" }> {
    const { store, clock, settings } = this.#deps;
    const nowMs = clock.wallTime();
    const startMs = momentFrom(fromMs, nowMs);
    if (startMs === undefined) return { type: "past" };
    const { perAccount, historyDays } = settings();
    const price = { ...order, id: randomId("price_"), fromMs: startMs, createdAtMs: nowMs };
    const result = await store.setPrice(price, { perAccount, forgetBeforeMs: nowMs - historyDays * DAY_MS });
    await this.look();
    return result;
  }

  /**
   * From a moment on this price is none any more; one that begins later never was one.
   *
   * @param fromMs wall-clock ms; absent = at once
   * @throws what the store throws
   */
  async end(id: string, account: string, fromMs?: number): Promise<EndResult | { readonly type: "past" }> {
    const { store, clock } = this.#deps;
    const nowMs = clock.wallTime();
    const atMs = momentFrom(fromMs, nowMs);
    if (atMs === undefined) return { type: "past" };
    const result = await store.endPrice({ id, account, atMs, nowMs, endId: randomId("price_") });
    await this.look();
    return result;
  }

  /** @throws what the store throws */
  list(page: Page): Promise<readonly ListedPrice[]> {
    return this.#deps.store.listPrices(page);
  }

  /** Takes in what has changed. Never rejects: what was known holds until the store answers again. */
  look(): Promise<void> {
    this.#looking = this.#looking.then(() =>
      this.#load().catch((error: unknown) => {
        this.#deps.log.warn({ fault: describeFault(error) }, "prices of owners not read");
      }),
    );
    return this.#looking;
  }

  async #load(): Promise<void> {
    for (;;) {
      const { revision, accounts } = await this.#deps.store.pricesSince(this.#revision);
      if (accounts.length === 0) return;
      const next = new Map(this.#accounts);
      for (const account of accounts) next.set(account.account, askedOf(account));
      this.#accounts = next;
      this.#current = pricesOf(next);
      this.#revision = revision;
    }
  }

  #arm(): void {
    if (this.#ended) return;
    const { clock, settings } = this.#deps;
    this.#timer = clock.setTimer(settings().refreshMs, () => void this.look().then(() => this.#arm()));
  }
}

/** When something begins: what is told in whole seconds may be of this one. `undefined` = it is over. */
function momentFrom(fromMs: number | undefined, nowMs: number): number | undefined {
  if (fromMs === undefined) return nowMs;
  return fromMs < Math.floor(nowMs / SECOND_MS) * SECOND_MS ? undefined : Math.max(fromMs, nowMs);
}

/** By build: of each machine by its id, and of all machines by "". Each list is in the order of its moments. */
type AskedOf = ReadonlyMap<string, ReadonlyMap<string, readonly OwnPrice[]>>;

const ALL_MACHINES = "";

function askedOf({ prices }: AccountPrices): AskedOf {
  const asked = new Map<string, Map<string, OwnPrice[]>>();
  for (const price of prices) {
    const { model, machine = ALL_MACHINES } = price;
    const ofModel = asked.get(model) ?? new Map<string, OwnPrice[]>();
    asked.set(model, ofModel);
    const dated = ofModel.get(machine) ?? [];
    ofModel.set(machine, dated);
    dated.push(price);
  }
  return asked;
}

function pricesOf(accounts: ReadonlyMap<string, AskedOf>): OwnerPrices {
  const builds = new Set([...accounts.values()].flatMap((asked) => [...asked.keys()]));
  return {
    isEmpty: builds.size === 0,
    knows: (build) => builds.has(build),
    of({ id, account }: Worker, build: string, atMs: number): Price | undefined {
      const asked = accounts.get(account)?.get(build);
      return asked && (inForce(asked.get(id), atMs) ?? inForce(asked.get(ALL_MACHINES), atMs));
    },
  };
}

/** The latest that holds already, unless it says that there is none any more. */
const inForce = (dated: readonly OwnPrice[] | undefined, atMs: number): Price | undefined =>
  dated?.findLast(({ fromMs }) => fromMs <= atMs)?.price;
