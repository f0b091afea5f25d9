import { z } from "zod";
import type { DatedPrice, PriceSettings } from "../ledger/price-list.js";
import { MAX_PER_MILLION, microUsd } from "../platform/micro-usd.js";
import { whole } from "./settings-section.js";

/** Prices of one model, past ones and those to come. */
const MAX_DATES = 100;
const MAX_MODELS = 10_000;

const amount = whole(0, MAX_PER_MILLION);

const dated = z.strictObject({
  from: z
    .union([z.iso.date(), z.iso.datetime({ offset: true })], "must be a date (2026-08-01) or a time with its zone")
    .optional(),
  input: amount,
  output: amount,
  cached_input: amount.optional(),
});

const list = z
  .array(dated)
  .max(MAX_DATES)
  .superRefine((prices, context) => {
    const seen = new Set<number>();
    for (const [index, { from }] of prices.entries()) {
      const fromMs = msOf(from);
      if (seen.has(fromMs)) context.addIssue({ code: "custom", path: [index, "from"], message: "occurs twice" });
      seen.add(fromMs);
    }
  });

/** The file's `prices`: micro-USD per million tokens, by model and by date. */
export const PRICES = z
  .strictObject({
    default: list.default([]),
    models: z
      .record(z.string().min(1).max(128), list)
      .refine((models) => Object.keys(models).length <= MAX_MODELS, `must not be over ${MAX_MODELS} models`)
      .default({}),
  })
  .prefault({});

/** What the code goes by. */
export function pricesOf({ default: byDefault, models }: z.infer<typeof PRICES>): PriceSettings {
  return {
    default: byDefault.map(priceOf),
    models: new Map(Object.entries(models).map(([model, prices]) => [model, prices.map(priceOf)])),
  };
}

/** Without a price of its own, what was cached costs as much as what was not. */
function priceOf({ from, input, output, cached_input: cached = input }: z.infer<typeof dated>): DatedPrice {
  return { fromMs: msOf(from), input: microUsd(input), output: microUsd(output), cachedInput: microUsd(cached) };
}

/** Days begin in UTC; without a date it has held since ever. */
const msOf = (from: string | undefined): number => (from === undefined ? 0 : Math.max(0, Date.parse(from)));
