import type { Clock } from "@hearth/platform";
import type { Context, Hono } from "hono";
import { z } from "zod";
import { checkBody, readJson } from "../../api/check-body.js";
import { named } from "../../api/named-schemas.js";
import { usdText } from "../../platform/decimal-text.js";
import { invalidMember } from "../../platform/errors.js";
import type { MicroUsd } from "../../platform/micro-usd.js";
import type { LedgerStore } from "../../store/ledger-store.js";
import { described, type Operation } from "../openapi/operation.js";
import { listSchema } from "../paged-list.js";
import { readBody } from "../read-body.js";
import type { HttpEnv } from "../routing.js";
import { csvAnswer } from "../usage/csv.js";
import {
  balanceSchema,
  describeBalance,
  describeEarnings,
  describeLine,
  describePayout,
  earningsGroupsSchema,
  earningsLineSchema,
  earningsQuerySchema,
  micro,
  payoutOrderSchema,
  payoutSchema,
  payoutsQuerySchema,
  statementLineSchema,
  statementQuerySchema,
} from "./money-forms.js";
import { moneyIdOf, requireMade } from "./transfers.js";

export interface MoneyDeps {
  readonly ledger: LedgerStore;
  readonly clock: Clock;
  /** The least that is paid out at once; read at each use. */
  readonly minimumPayout: () => MicroUsd;
}

/** Whose money somebody sees. */
export interface MoneyReach {
  readonly audience: "Account" | "Operator";
  /** The path of the account's own things, from where the routes are mounted: `` or `/accounts/:account`. */
  readonly at: string;
  /** @throws HearthError for who may see none */
  readonly readAccount: (c: Context<HttpEnv>) => Promise<string>;
}

export const MAX_ORDER_BYTES: number = 8 * 1024;
const HOUR_MS = 3_600_000;

const BALANCE = named("Balance", balanceSchema);
const STATEMENT = named("Statement", listSchema(named("StatementLine", statementLineSchema)));
const EARNINGS = named(
  "Earnings",
  z.object({
    object: z.literal("list"),
    data: z.array(named("EarningsLine", earningsLineSchema)),
    has_more: z.boolean().meta({ description: "There are more lines than were asked for: ask for less time." }),
  }),
);
export const PAYOUT = named("Payout", payoutSchema);
export const PAYOUTS = named("PayoutList", listSchema(PAYOUT));
const PAYOUT_ORDER = named("PayoutOrder", payoutOrderSchema);

type Operations = Readonly<Record<"balance" | "statement" | "earnings", Operation>>;

function operationsFor(audience: MoneyReach["audience"]): Operations {
  const accounts = audience === "Operator" ? "Accounts" : "";
  const whose = audience === "Operator" ? "an account" : "your account";
  return {
    balance: {
      id: `retrieve${accounts}Balance`,
      audience,
      summary: `Get what ${whose} has, and which part of it is which`,
      answer: BALANCE,
    },
    statement: {
      id: `list${accounts}Statement`,
      audience,
      summary: `List every movement of the money of ${whose}, oldest first`,
      description: "`format=csv` gives the same as CSV.",
      query: statementQuerySchema,
      answer: STATEMENT,
    },
    earnings: {
      id: `list${accounts}Earnings`,
      audience,
      summary: `Add up what the machines of ${whose} have earned, by machine, model, hour or day`,
      description: "All of it since ever, unless times are given. `format=csv` gives the same as CSV.",
      query: earningsQuerySchema,
      answer: EARNINGS,
    },
  };
}

/** What an account has, how it came to that, and what its machines earned. */
export function moneyRoutes(
  app: Hono<HttpEnv>,
  { ledger }: MoneyDeps,
  { audience, at, readAccount }: MoneyReach,
): void {
  const operations = operationsFor(audience);
  app.get(
    `${at}/balance`,
    described(operations.balance, async (c) => {
      const account = await readAccount(c);
      return c.json(describeBalance(account, await ledger.balance(account)));
    }),
  );
  app.get(
    `${at}/statement`,
    described(operations.statement, async (c) => {
      const account = await readAccount(c);
      const { limit, after, format } = checkBody(statementQuerySchema, c.req.query());
      const found = await ledger.statement({ account, after, limit: limit + 1 });
      const data = found.slice(0, limit).map(describeLine);
      const has_more = found.length > limit;
      if (format === "csv") return csvAnswer(c, "statement", data, has_more);
      return c.json({ object: "list", data, last_id: data.at(-1)?.id ?? null, has_more });
    }),
  );
  app.get(
    `${at}/earnings`,
    described(operations.earnings, async (c) => {
      const account = await readAccount(c);
      const { group_by, start_time = 0, end_time, limit, format } = checkBody(earningsQuerySchema, c.req.query());
      const groups = checkBody(earningsGroupsSchema, { group_by: group_by === "" ? [] : group_by.split(",") });
      const found = await ledger.earnings({
        ...{ account, limit: limit + 1, groupBy: [...new Set(groups.group_by)] },
        fromMs: Math.floor((start_time * 1000) / HOUR_MS) * HOUR_MS,
        toMs: end_time === undefined ? Number.MAX_SAFE_INTEGER : Math.ceil((end_time * 1000) / HOUR_MS) * HOUR_MS,
      });
      const data = found.slice(0, limit).map(describeEarnings);
      const has_more = found.length > limit;
      return format === "csv" ? csvAnswer(c, "earnings", data, has_more) : c.json({ object: "list", data, has_more });
    }),
  );
}

const LIST_PAYOUTS: Operation = {
  id: "listPayouts",
  audience: "Account",
  summary: "List the payouts of your account",
  query: payoutsQuerySchema.omit({ account: true }),
  answer: PAYOUTS,
};

const REQUEST_PAYOUT: Operation = {
  id: "requestPayout",
  audience: "Account",
  summary: "Ask for a part of what your machines earned to be paid out",
  description:
    "It leaves what can be spent at once, and comes back where the payout fails. With an `Idempotency-Key` it may be asked for again without harm.",
  request: PAYOUT_ORDER,
  answer: PAYOUT,
  status: 201,
};

/** @param readOwner the owner of what was earned, and the key that says so */
export function payoutRoutes(
  app: Hono<HttpEnv>,
  { ledger, clock, minimumPayout }: MoneyDeps,
  readOwner: (c: Context<HttpEnv>) => Promise<{ readonly account: string; readonly keyId: string }>,
): void {
  app.get(
    "/payouts",
    described(LIST_PAYOUTS, async (c) => listPayouts(c, ledger, (await readOwner(c)).account)),
  );
  app.post(
    "/payouts",
    described(REQUEST_PAYOUT, async (c) => {
      const { account, keyId } = await readOwner(c);
      const order = readJson(payoutOrderSchema, await readBody(c.env.incoming, MAX_ORDER_BYTES));
      const amount = micro(order.amount_micro_usd);
      const least = minimumPayout();
      if (amount < least) {
        throw invalidMember("amount_micro_usd", `the least that is paid out is ${least} micro-USD (${usdText(least)})`);
      }
      const id = moneyIdOf("po", account, c.env.incoming.headers);
      const nowMs = clock.wallTime();
      const made = requireMade(await ledger.requestPayout({ id, account, amount, actor: keyId, nowMs }));
      const [known] = made === "repeated" ? await ledger.payouts({ id, account, limit: 1 }) : [];
      if (known !== undefined) return c.json(describePayout(known), 201);
      const times = { requestedAtMs: nowMs, changedAtMs: nowMs };
      const payout = { id, account, amount, state: "requested", reason: undefined, actor: keyId, ...times } as const;
      return c.json(describePayout(payout), 201);
    }),
  );
}

/** Answers with a page of payouts, oldest first. @param own of this account only, whatever the query says */
export async function listPayouts(c: Context<HttpEnv>, ledger: LedgerStore, own?: string): Promise<Response> {
  const { account, status, limit, after } = checkBody(payoutsQuerySchema, c.req.query());
  const of = own ?? account;
  const found = await ledger.payouts({
    limit: limit + 1,
    ...(of === undefined ? {} : { account: of }),
    ...(status === undefined ? {} : { state: status }),
    ...(after === undefined ? {} : { after }),
  });
  const data = found.slice(0, limit).map(describePayout);
  return c.json({ object: "list", data, last_id: data.at(-1)?.id ?? null, has_more: found.length > limit });
}
