import type { BudgetReset } from "../api/account-types.js";
import { microUsdOf } from "./amounts.js";

/** What somebody has filled in of a key that he wants; "" = no limit. */
export interface KeyWishes {
  readonly name: string;
  /** US dollars. */
  readonly budget: string;
  readonly reset: BudgetReset;
  readonly requestsPerMinute: string;
  readonly tokensPerMinute: string;
  readonly concurrency: string;
  /** Names, separated by commas. */
  readonly models: string;
  readonly days: string;
  readonly scopes: readonly string[];
}

/** How long what is spent of a budget counts. */
export const RESET_WORDS: Readonly<Record<BudgetReset, string>> = {
  never: "in all",
  daily: "a day",
  weekly: "a week",
  monthly: "a month",
};

const DAY_SECONDS = 86_400;

/** The order that the coordinator takes: without what was left open. */
export function keyOrderOf(wishes: KeyWishes): Record<string, unknown> {
  const { name, reset, scopes } = wishes;
  const budget = microUsdOf(wishes.budget);
  const models = wishes.models
    .split(",")
    .map((each) => each.trim())
    .filter(Boolean);
  const days = numberOf(wishes.days);
  return {
    name: name.trim(),
    scopes,
    limits: {
      ...limit("requests_per_minute", wishes.requestsPerMinute),
      ...limit("tokens_per_minute", wishes.tokensPerMinute),
      ...limit("concurrency", wishes.concurrency),
      ...(budget === undefined ? {} : { budget: { micro_usd: budget, reset } }),
    },
    ...(models.length === 0 ? {} : { allowed_models: models }),
    ...(days === undefined ? {} : { expires_in: days * DAY_SECONDS }),
  };
}

function limit(member: string, text: string): Record<string, number> {
  const value = numberOf(text);
  return value === undefined ? {} : { [member]: value };
}

function numberOf(text: string): number | undefined {
  const value = Number(text.trim());
  return text.trim() === "" || !Number.isInteger(value) || value < 1 ? undefined : value;
}
