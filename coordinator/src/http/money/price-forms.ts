import { z } from "zod";
import { checkBody } from "../../api/check-body.js";
import { invalidMember } from "../../platform/errors.js";
import { MAX_PER_MILLION, microUsdJson } from "../../platform/micro-usd.js";
import type { AskedPrice, ListedPrice } from "../../store/price-store.js";
import { LATEST_SECONDS, querySeconds } from "../query-time.js";

const amount = z.int().min(0).max(MAX_PER_MILLION).meta({ description: "Micro-USD per million tokens." });
const time = z.int().meta({ description: "Seconds since 1970." });
const later = z.int().min(0).max(LATEST_SECONDS);
const name = z.string().min(1).max(128);

export const priceOrderSchema = z.strictObject({
  machine: name
    .optional()
    .meta({ description: "As `/v1/me/providers` names it. Absent: all machines of your account." }),
  model: name.meta({ description: "A build, as machines serve it: no alias." }),
  input_micro_usd: amount,
  output_micro_usd: amount,
  cached_input_micro_usd: amount
    .optional()
    .meta({ description: "Absent: as `input_micro_usd`, as far as that may be asked." }),
  starts_at: later.optional().meta({ description: "Seconds since 1970, never in the past. Absent: now." }),
});

export const priceEndSchema = z.object({
  ends_at: querySeconds.optional().meta({ description: "Seconds since 1970, never in the past. Absent: now." }),
});

export const priceSchema = z.object({
  id: z.string(),
  object: z.literal("price"),
  account: z.string(),
  machine: z.string().nullable().meta({ description: "`null`: all machines of the account." }),
  model: z.string(),
  status: z.enum(["to_come", "in_force", "over", "withdrawn"]),
  input_micro_usd: amount,
  output_micro_usd: amount,
  cached_input_micro_usd: amount,
  starts_at: time,
  ends_at: time.nullable().meta({ description: "When the next price of this machine and model begins, or none does." }),
  created_at: time,
});

export function describePrice(price: ListedPrice, nowMs: number): z.infer<typeof priceSchema> {
  const { id, account, machine, model, fromMs, untilMs } = price;
  return {
    ...{ id, object: "price", account, machine: machine ?? null, model },
    status: fromMs > nowMs ? "to_come" : (untilMs ?? Number.POSITIVE_INFINITY) > nowMs ? "in_force" : "over",
    input_micro_usd: microUsdJson(price.price.input),
    output_micro_usd: microUsdJson(price.price.output),
    cached_input_micro_usd: microUsdJson(price.price.cachedInput),
    starts_at: seconds(fromMs),
    ends_at: untilMs === undefined ? null : seconds(untilMs),
    created_at: seconds(price.createdAtMs),
  };
}

/** What an owner may ask. */
export interface PriceLimits {
  readonly least: AskedPrice;
  readonly most: AskedPrice;
}

type Order = z.infer<typeof priceOrderSchema>;

/** @throws HearthError `invalid_request` that names the amount and what it may be */
export function askedPrice(order: Order, limits: PriceLimits | undefined): AskedPrice {
  if (limits === undefined) {
    throw invalidMember("model", `'${order.model}' costs nothing here, and owners may not ask anything for it either`);
  }
  const { input_micro_usd: input, output_micro_usd: output, cached_input_micro_usd: cached } = order;
  const { least: floor, most: cap } = limits;
  const given: AskedPrice = {
    input: BigInt(input),
    output: BigInt(output),
    cachedInput: cached === undefined ? within(BigInt(input), floor.cachedInput, cap.cachedInput) : BigInt(cached),
  };
  for (const [member, param] of Object.entries(MEMBERS) as [keyof AskedPrice, string][]) {
    const [least, most] = [floor[member], cap[member]];
    if (given[member] >= least && given[member] <= most) continue;
    throw invalidMember(
      param,
      `an owner may ask ${least} to ${most} micro-USD per million tokens for '${order.model}'`,
    );
  }
  return given;
}

const within = (amount: bigint, least: bigint, most: bigint): bigint =>
  amount < least ? least : amount > most ? most : amount;

const MEMBERS: Readonly<Record<keyof AskedPrice, string>> = {
  input: "input_micro_usd",
  output: "output_micro_usd",
  cachedInput: "cached_input_micro_usd",
};

/** @returns wall-clock ms; absent = now @throws HearthError `invalid_request` */
export function readEnd(query: Readonly<Record<string, string>>): number | undefined {
  return milliseconds(checkBody(priceEndSchema, query).ends_at);
}

export const milliseconds = (time: number | undefined): number | undefined =>
  time === undefined ? undefined : time * 1000;

const seconds = (ms: number): number => Math.floor(ms / 1000);
