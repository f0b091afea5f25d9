import type { MicroUsd } from "../platform/micro-usd.js";
import type { Page } from "./enrolment-store.js";

/** What tokens cost, micro-USD per million. */
export interface AskedPrice {
  readonly input: MicroUsd;
  readonly output: MicroUsd;
  readonly cachedInput: MicroUsd;
}

/** What a price is for: a build on one of an account's machines, or on all of them. */
export interface PriceSubject {
  readonly account: string;
  /** A machine's id; absent = all of the account's. */
  readonly machine: string | undefined;
  readonly model: string;
}

/** What an owner asks from a moment on. Times are wall-clock ms. */
export interface OwnPrice extends PriceSubject {
  readonly id: string;
  readonly fromMs: number;
  /** Absent = from then on there is no price of the owner's own. */
  readonly price: AskedPrice | undefined;
  readonly createdAtMs: number;
}

/** A price, and when the next of its subject begins: another, or none of its own any more. */
export interface ListedPrice extends OwnPrice {
  readonly price: AskedPrice;
  readonly untilMs: number | undefined;
}

export interface PriceBounds {
  /**
   * Entries of one account at most: of each subject the price that holds, its past ones and those to come, and their
   * ends. A price that is there can be ended all the same.
   */
  readonly perAccount: number;
  /** What was over before then is forgotten, wall-clock ms. */
  readonly forgetBeforeMs: number;
}

export interface PriceEnd {
  readonly id: string;
  /** Whose it must be. */
  readonly account: string;
  /** When it is to end, wall-clock ms: `nowMs`, or later. */
  readonly atMs: number;
  readonly nowMs: number;
  /** The id of the entry that says so. */
  readonly endId: string;
}

export type EndResult =
  /** It holds until then. */
  | { readonly type: "ended"; readonly price: ListedPrice }
  /** It would only have begun then, or later: it never will. */
  | { readonly type: "withdrawn"; readonly price: ListedPrice }
  /** It is over by then, without that. */
  | { readonly type: "over" }
  | { readonly type: "unknown" };

/** All that an account asks. */
export interface AccountPrices {
  readonly account: string;
  /** By subject, each from its first moment on. */
  readonly prices: readonly OwnPrice[];
}

export type SetPriceResult = { readonly type: "set"; readonly price: ListedPrice } | { readonly type: "account_full" };

/** What owners ask for answers of their machines. */
export interface PriceStore {
  /** One of the same subject from the same moment is replaced. */
  setPrice(price: OwnPrice & { readonly price: AskedPrice }, bounds: PriceBounds): Promise<SetPriceResult>;
  endPrice(end: PriceEnd): Promise<EndResult>;
  /** Oldest first; ends are no entries of their own. */
  listPrices(page: Page): Promise<readonly ListedPrice[]>;
  /**
   * The accounts that have changed something since a revision, each with all that it asks.
   *
   * @param revision 0 = everybody who has ever asked anything
   */
  pricesSince(revision: number): Promise<{ readonly revision: number; readonly accounts: readonly AccountPrices[] }>;
}
