import type { Context, Hono } from "hono";
import type { z } from "zod";
import { readJson } from "../api/check-body.js";
import { named } from "../api/named-schemas.js";
import {
  auditSchema,
  correctionSchema,
  describePayout,
  incomeSchema,
  micro,
  payoutChangeSchema,
  payoutsQuerySchema,
  refundSchema,
  transferSchema,
} from "../http/money/money-forms.js";
import {
  listPayouts,
  MAX_ORDER_BYTES,
  type MoneyDeps,
  moneyRoutes,
  PAYOUT,
  PAYOUTS,
} from "../http/money/money-routes.js";
import { moneyIdOf, requireMade } from "../http/money/transfers.js";
import { described, type Operation } from "../http/openapi/operation.js";
import { readBody } from "../http/read-body.js";
import type { HttpEnv } from "../http/routing.js";
import { HearthError } from "../platform/errors.js";

/** Mismatches that an audit lists at most. */
const MAX_MISMATCHES = 1_000;

const TRANSFER = named("Transfer", transferSchema);
const INCOME = named("Income", incomeSchema);

function income(kind: "deposit" | "grant", summary: string): Operation {
  return {
    id: `${kind}ToAccount`,
    audience: "Operator",
    summary,
    description: "With an `Idempotency-Key` it may be sent again without harm.",
    request: INCOME,
    answer: TRANSFER,
    status: 201,
  };
}

const DEPOSIT = income("deposit", "Put money on an account that has come in for it");
const GRANT = income("grant", "Give an account money of the platform's, for spending only");

const CORRECT: Operation = {
  ...income("grant", "Correct what an account has, up or down, with a reason"),
  id: "correctAccount",
  request: named("Correction", correctionSchema),
};

const REFUND: Operation = {
  ...income("grant", "Give back what a request has cost, or a part of it"),
  id: "refundRequest",
  request: named("Refund", refundSchema),
};

const LIST_PAYOUTS: Operation = {
  id: "listAllPayouts",
  audience: "Operator",
  summary: "List the payouts of every account, or of one",
  query: payoutsQuerySchema,
  answer: PAYOUTS,
};

const CHANGE_PAYOUT: Operation = {
  id: "changePayout",
  audience: "Operator",
  summary: "Say what has become of a payout",
  description:
    "`paid` or `failed` where it was `requested`, `returned` where it was `paid`. What has failed or came back can be spent again.",
  request: named("PayoutChange", payoutChangeSchema),
  answer: PAYOUT,
};

const AUDIT: Operation = {
  id: "auditLedger",
  audience: "Operator",
  summary: "Add up the whole ledger anew",
  description: "What does not add up is listed; there is nothing of that where all is well.",
  answer: named("Audit", auditSchema),
};

const MAX_ID = 128;

export interface AdminMoneyDeps extends MoneyDeps {
  /** Whether there is an account of this name, in the store or in the configuration. */
  readonly isAccount: (id: string) => Promise<boolean>;
}

/** Whoever does it, by the key that says so. */
export type ReadActor = (c: Context<HttpEnv>) => Promise<string>;

/** What the operator sees and does with money. */
export function adminMoneyRoutes(admin: Hono<HttpEnv>, deps: AdminMoneyDeps, readActor: ReadActor): void {
  const { ledger } = deps;
  moneyRoutes(admin, deps, {
    audience: "Operator",
    at: "/accounts/:id",
    readAccount: (c) => accountOf(c, deps),
  });
  entryRoutes(admin, deps, readActor);
  admin.get(
    "/payouts",
    described(LIST_PAYOUTS, (c) => listPayouts(c, ledger)),
  );
  admin.post(
    "/payouts/:id",
    described(CHANGE_PAYOUT, (c) => changePayout(c, deps, readActor)),
  );
  admin.get(
    "/ledger/audit",
    described(AUDIT, async (c) => c.json({ object: "audit", ...(await ledger.audit(MAX_MISMATCHES)) })),
  );
}

function entryRoutes(admin: Hono<HttpEnv>, deps: AdminMoneyDeps, readActor: ReadActor): void {
  const { ledger, clock } = deps;
  const entry = async <T extends z.ZodType>(c: Context<HttpEnv>, prefix: string, schema: T) => {
    const order = readJson(schema, await readBody(c.env.incoming, MAX_ORDER_BYTES)) as z.infer<T>;
    const id = moneyIdOf(prefix, "operator", c.env.incoming.headers);
    return { order, told: { id, actor: await readActor(c), nowMs: clock.wallTime() } };
  };
  for (const [kind, operation] of [
    ["deposit", DEPOSIT],
    ["grant", GRANT],
  ] as const) {
    admin.post(
      `/accounts/:id/${kind}s`,
      described(operation, async (c) => {
        const { order, told } = await entry(c, kind, incomeSchema);
        const { reason, amount_micro_usd: amount } = order;
        const made = await ledger[kind]({ ...told, account: await accountOf(c, deps), amount: micro(amount), reason });
        return c.json({ id: told.id, object: "transfer", status: requireMade(made) }, 201);
      }),
    );
  }
  admin.post(
    "/accounts/:id/corrections",
    described(CORRECT, async (c) => {
      const { order, told } = await entry(c, "correction", correctionSchema);
      const { reason, part, amount_micro_usd: amount } = order;
      const made = await ledger.correct({
        ...told,
        account: await accountOf(c, deps),
        part,
        amount: micro(amount),
        reason,
      });
      return c.json({ id: told.id, object: "transfer", status: requireMade(made) }, 201);
    }),
  );
  admin.post(
    "/refunds",
    described(REFUND, async (c) => {
      const { order, told } = await entry(c, "refund", refundSchema);
      const { reason, request: reservationId, amount_micro_usd: amount } = order;
      const made = await ledger.refund({ ...told, reservationId, amount: micro(amount), reason });
      return c.json({ id: told.id, object: "transfer", status: requireMade(made) }, 201);
    }),
  );
}

async function changePayout(
  c: Context<HttpEnv>,
  { ledger, clock }: MoneyDeps,
  readActor: ReadActor,
): Promise<Response> {
  const body = await readBody(c.env.incoming, MAX_ORDER_BYTES);
  const { status: to, reason } = readJson(payoutChangeSchema, body);
  const id = (c.req.param("id") ?? "").slice(0, MAX_ID);
  const changed = await ledger.changePayout({ id, to, reason, actor: await readActor(c), nowMs: clock.wallTime() });
  switch (changed.type) {
    case "done":
    case "repeated":
      return c.json(describePayout(changed.payout));
    case "conflict":
      throw new HearthError("invalid_request", `This payout is '${changed.state}': it cannot become '${to}'.`, {
        param: "status",
      });
    case "unknown":
      throw new HearthError("not_found", "There is no such payout.");
  }
}

/** @throws HearthError `not_found` where nobody has that account: a slip of the pen must not cost money */
export async function accountOf(
  c: Context<HttpEnv>,
  { isAccount }: Pick<AdminMoneyDeps, "isAccount">,
): Promise<string> {
  const id = c.req.param("id") ?? "";
  if (id.length > MAX_ID || !(await isAccount(id))) throw new HearthError("not_found", "There is no such account.");
  return id;
}
