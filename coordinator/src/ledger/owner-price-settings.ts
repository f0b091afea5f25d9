/** What owners may ask for answers of their machines. */
export interface OwnerPriceSettings {
  /** At most so many times what the platform asks for the model, amount by amount. */
  readonly maxMultiple: number;
  /** At least so many times that. */
  readonly minMultiple: number;
  /** For a model that the platform asks nothing for, micro-USD per million tokens at most; 0 = nobody may ask there. */
  readonly unpricedMostMicroUsd: number;
  /** Prices of one account and their ends, past ones and those to come. */
  readonly perAccount: number;
  /** How long a price is kept after it was over, days. */
  readonly historyDays: number;
  /** So late does one coordinator hear of what owners have told another, ms. */
  readonly refreshMs: number;
}

/** Unless the operator wants it otherwise, no answer costs more than the platform's price. */
export const DEFAULT_OWNER_PRICES: OwnerPriceSettings = {
  maxMultiple: 1,
  minMultiple: 0,
  unpricedMostMicroUsd: 0,
  perAccount: 1_000,
  historyDays: 400,
  refreshMs: 3_000,
};
