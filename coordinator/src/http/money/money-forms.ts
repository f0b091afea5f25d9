import { z } from "zod";
import { MAX_MICRO_USD, type MicroUsd, microUsdJson } from "../../platform/micro-usd.js";
import type { PayoutState } from "../../store/ledger-kinds.js";
import type { Balance, EarningsGroup, EarningsLine, StatementLine } from "../../store/ledger-reports.js";
import type { Payout, PayoutChange } from "../../store/ledger-store.js";
import { querySeconds } from "../query-time.js";

// Money in JSON is whole micro-USD, millionths of a US dollar, in members that say so.

const MAX = Number(MAX_MICRO_USD);
const amount = z.int().min(-MAX).max(MAX).meta({ description: "Micro-USD." });
const positive = z.int().min(1).max(MAX).meta({ description: "Micro-USD, more than 0." });
const time = z.int().meta({ description: "Seconds since 1970." });
const reason = z.string().trim().min(1).max(512);

const partSchema = z.object({ balance_micro_usd: amount, reserved_micro_usd: amount });

export const balanceSchema = z.object({
  object: z.literal("balance"),
  account: z.string(),
  available_micro_usd: amount.meta({ description: "What can be spent now." }),
  credit: partSchema.meta({ description: "Bought or granted: for spending only." }),
  earned: partSchema.meta({ description: "Earned by the account's machines: to be spent, or paid out." }),
  pending_payouts_micro_usd: amount,
});

export function describeBalance(account: string, balance: Balance): z.infer<typeof balanceSchema> {
  const part = ({ balance: whole, reserved }: Balance["credit"]): z.infer<typeof partSchema> => ({
    balance_micro_usd: microUsdJson(whole),
    reserved_micro_usd: microUsdJson(reserved),
  });
  return {
    object: "balance",
    account,
    available_micro_usd: microUsdJson(balance.available),
    credit: part(balance.credit),
    earned: part(balance.earned),
    pending_payouts_micro_usd: microUsdJson(balance.pending),
  };
}

export const statementQuerySchema = z.object({
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  after: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
  format: z.enum(["json", "csv"]).default("json"),
});

export const statementLineSchema = z.object({
  id: z.string(),
  object: z.literal("statement.line"),
  transfer: z.string(),
  kind: z.string(),
  part: z.enum(["credit", "earned", "pending"]),
  amount_micro_usd: amount,
  balance_after_micro_usd: amount,
  request: z.string().nullable(),
  reason: z.string().nullable(),
  created_at: time,
});

export function describeLine(line: StatementLine): z.infer<typeof statementLineSchema> {
  return {
    id: String(line.seq),
    object: "statement.line",
    transfer: line.transferId,
    kind: line.kind,
    part: line.part,
    amount_micro_usd: microUsdJson(line.amount),
    balance_after_micro_usd: microUsdJson(line.balanceAfter),
    request: line.requestId ?? null,
    reason: line.reason ?? null,
    created_at: seconds(line.atMs),
  };
}

const GROUPS = ["machine", "model", "hour", "day"] as const satisfies readonly EarningsGroup[];

export const earningsQuerySchema = z.object({
  group_by: z
    .string()
    .max(64)
    .default("")
    .meta({ description: `Any of ${GROUPS.join(", ")}, separated by commas.` }),
  start_time: querySeconds.optional().meta({ description: "Seconds since 1970, rounded down to an hour." }),
  end_time: querySeconds.optional().meta({ description: "Up to and without, rounded up to an hour." }),
  limit: z.coerce.number().int().min(1).max(10_000).default(1_000),
  format: z.enum(["json", "csv"]).default("json"),
});

export const earningsGroupsSchema = z.object({ group_by: z.array(z.enum(GROUPS)) });

export const earningsLineSchema = z.object({
  object: z.literal("earnings.line"),
  machine: z.string().optional(),
  model: z.string().optional(),
  start_time: time.optional(),
  gross_micro_usd: amount,
  fee_micro_usd: amount,
  net_micro_usd: amount,
  requests: z.int(),
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
});

export function describeEarnings(line: EarningsLine): z.infer<typeof earningsLineSchema> {
  const { machine, model, startMs } = line;
  return {
    object: "earnings.line",
    ...(machine === undefined ? {} : { machine }),
    ...(model === undefined ? {} : { model }),
    ...(startMs === undefined ? {} : { start_time: seconds(startMs) }),
    gross_micro_usd: microUsdJson(line.gross),
    fee_micro_usd: microUsdJson(line.fee),
    net_micro_usd: microUsdJson(line.net),
    requests: line.requests,
    prompt_tokens: line.promptTokens,
    completion_tokens: line.completionTokens,
  };
}

const STATES = ["requested", "paid", "failed", "returned"] as const satisfies readonly PayoutState[];

export const payoutSchema = z.object({
  id: z.string(),
  object: z.literal("payout"),
  account: z.string(),
  amount_micro_usd: amount,
  status: z.enum(STATES),
  reason: z.string().nullable(),
  requested_at: time,
  changed_at: time,
});

export function describePayout(payout: Payout): z.infer<typeof payoutSchema> {
  return {
    id: payout.id,
    object: "payout",
    account: payout.account,
    amount_micro_usd: microUsdJson(payout.amount),
    status: payout.state,
    reason: payout.reason ?? null,
    requested_at: seconds(payout.requestedAtMs),
    changed_at: seconds(payout.changedAtMs),
  };
}

export const payoutOrderSchema = z.strictObject({ amount_micro_usd: positive });

export const payoutsQuerySchema = z.object({
  account: z.string().min(1).max(128).optional(),
  status: z.enum(STATES).optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  after: z.string().min(1).max(128).optional(),
});

export const payoutChangeSchema = z.strictObject({
  status: z.enum(["paid", "failed", "returned"] as const satisfies readonly PayoutChange["to"][]),
  reason,
});

/** Money that an operator puts on an account. */
export const incomeSchema = z.strictObject({ amount_micro_usd: positive, reason });

export const correctionSchema = z.strictObject({
  amount_micro_usd: amount.refine((value) => value !== 0, "cannot be 0"),
  part: z.enum(["credit", "earned"]),
  reason,
});

export const refundSchema = z.strictObject({ request: z.string().min(1).max(128), amount_micro_usd: positive, reason });

/** What came of an operator's entry. */
export const transferSchema = z.object({
  id: z.string(),
  object: z.literal("transfer"),
  status: z.enum(["done", "repeated"]),
});

export const auditSchema = z.object({
  object: z.literal("audit"),
  transfers: z.int(),
  reservations: z.int(),
  mismatches: z.array(z.object({ check: z.string(), subject: z.string(), expected: z.string(), found: z.string() })),
});

export const micro = (value: number): MicroUsd => BigInt(value);

const seconds = (ms: number): number => Math.floor(ms / 1000);
