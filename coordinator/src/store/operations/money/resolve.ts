import { sql } from "kysely";
import type { MicroUsd } from "../../../platform/micro-usd.js";
import type {
  Abandoned,
  Abandonment,
  AbandonResult,
  Already,
  OpenReservation,
  Posted,
  Posting,
  PostResult,
  Unknown,
  VoidResult,
  WorkPart,
} from "../../ledger-store.js";
import type { Trx } from "../operation.js";
import { charge } from "./charge.js";
import { settleBudget } from "./hold.js";
import { Moves } from "./moves.js";
import { consumerCost } from "./parts.js";
import { reservationOf, type StoredReservation } from "./reservations.js";
import { moveAll } from "./transfer.js";

type ResolvedBy = "caller" | "expiry" | "recovery";

/** Rules 8 to 10 of docs/ledger.md. */
export async function post(trx: Trx, posting: Posting): Promise<PostResult> {
  const { id, parts } = posting;
  const taken = await takeOpen(trx, {
    id,
    to: "posted",
    by: "caller",
    nowMs: posting.nowMs,
    cost: consumerCost(parts),
  });
  if (taken !== undefined) return settle(trx, taken, posting);
  const known = await resolvedOf(trx, id);
  if (known.type === "open") return post(trx, posting);
  if (known.type !== "posted") return known;
  if (known.by !== "caller") return { type: "already", state: "posted", charged: known.charged };
  const isSame = sameParts(await partsOf(trx, id), parts);
  return isSame
    ? { type: "posted", charged: known.charged, lost: consumerCost(parts) - known.charged }
    : { type: "conflict" };
}

export interface Voiding {
  readonly id: string;
  readonly nowMs: number;
}

/** Rule 11. */
export async function voidReservation(trx: Trx, voiding: Voiding): Promise<VoidResult> {
  const { id, nowMs } = voiding;
  const taken = await takeOpen(trx, { id, to: "voided", by: "caller", nowMs, cost: 0n });
  if (taken === undefined) {
    const known = await resolvedOf(trx, id);
    if (known.type === "posted") return { type: "already", state: "posted", charged: known.charged };
    if (known.type === "open") return voidReservation(trx, voiding);
    return known.type === "unknown" ? known : { type: "voided" };
  }
  await release(trx, taken);
  return { type: "voided" };
}

/** Those that expired first, first. */
export async function abandoned(trx: Trx, which: Abandoned): Promise<readonly OpenReservation[]> {
  const query = trx
    .selectFrom("reservations")
    .select(["id", "expires_at_ms"])
    .where("state", "=", "open")
    .orderBy("expires_at_ms")
    .limit(which.limit);
  const found =
    which.because === "expiry" ? query.where("expires_at_ms", "<=", which.nowMs) : query.where("node", "=", which.node);
  return (await found.execute()).map(({ id, expires_at_ms }) => ({ id, expiresAtMs: expires_at_ms }));
}

/** Rule 12. */
export async function abandon(trx: Trx, { id, nowMs, because }: Abandonment): Promise<AbandonResult> {
  if (because.type === "expiry" && because.expiresAtMs > nowMs) return { type: "kept" };
  const known = await trx.selectFrom("reservations").select("used_parts").where("id", "=", id).executeTakeFirst();
  if (known === undefined) return { type: "kept" };
  // Nothing was delivered as far as anybody knows, or something: the guard below sees to it that this is so still.
  const isUsed = known.used_parts !== "[]";
  const taken = await takeOpen(trx, {
    ...{ id, nowMs, cost: undefined },
    to: isUsed ? "posted" : "voided",
    by: because.type,
    only: {
      usedParts: known.used_parts,
      ...(because.type === "recovery" ? { node: because.node } : { expiresAtMs: because.expiresAtMs }),
    },
  });
  if (taken === undefined) return { type: "kept" };
  if (isUsed) return settle(trx, taken, { id, nowMs, parts: taken.usedParts });
  await release(trx, taken);
  return { type: "voided" };
}

interface Taking {
  readonly id: string;
  readonly to: "posted" | "voided";
  readonly by: ResolvedBy;
  readonly nowMs: number;
  /** What the consumer's parts cost; absent = what was told as used. */
  readonly cost: MicroUsd | undefined;
  readonly only?: { readonly usedParts: string; readonly node?: string; readonly expiresAtMs?: number };
}

/** Resolves a reservation that is open: of all who try, one succeeds. */
async function takeOpen(trx: Trx, { id, to, by, nowMs, cost, only }: Taking): Promise<StoredReservation | undefined> {
  const reserved = sql`reserved_credit + reserved_earned`;
  const owed = cost === undefined ? sql`used` : sql`CAST(${cost} AS BIGINT)`;
  let query = trx
    .updateTable("reservations")
    .set({
      state: to,
      resolved_by: by,
      resolved_at_ms: nowMs,
      posted: to === "voided" ? 0n : sql`CASE WHEN ${owed} < ${reserved} THEN ${owed} ELSE ${reserved} END`,
    })
    .where("id", "=", id)
    .where("state", "=", "open");
  if (only !== undefined) query = query.where("used_parts", "=", only.usedParts);
  if (only?.node !== undefined) query = query.where("node", "=", only.node);
  if (only?.expiresAtMs !== undefined) query = query.where("expires_at_ms", "=", only.expiresAtMs);
  const row = await query.returningAll().executeTakeFirst();
  return row && reservationOf(row);
}

async function settle(trx: Trx, taken: StoredReservation, posting: Posting): Promise<Posted> {
  const { budget, credit, earned, posted } = taken;
  if (budget !== undefined) await settleBudget(trx, budget, { held: credit + earned, spent: posted });
  await charge(trx, taken, posting);
  return { type: "posted", charged: posted, lost: consumerCost(posting.parts) - posted };
}

async function release(trx: Trx, { id, payer, budget, credit, earned }: StoredReservation): Promise<void> {
  if (budget !== undefined) await settleBudget(trx, budget, { held: credit + earned, spent: 0n });
  const moves = new Moves(id).user("credit", payer, 0n, -credit).user("earned", payer, 0n, -earned);
  await moveAll(trx, moves.inOrder());
}

type Resolved =
  | { readonly type: "posted"; readonly charged: MicroUsd; readonly by: string | null }
  | Already
  | Unknown
  /** It has been made since it was looked for. */
  | { readonly type: "open" };

/** How one that is not open any more was resolved. */
async function resolvedOf(trx: Trx, id: string): Promise<Resolved> {
  const row = await trx
    .selectFrom("reservations")
    .select(["state", "posted", "resolved_by"])
    .where("id", "=", id)
    .executeTakeFirst();
  if (row === undefined) return { type: "unknown" };
  if (row.state === "open") return { type: "open" };
  if (row.state === "posted") return { type: "posted", charged: BigInt(row.posted), by: row.resolved_by };
  return { type: "already", state: "voided", charged: 0n };
}

async function partsOf(trx: Trx, id: string): Promise<readonly WorkPart[]> {
  const rows = await trx.selectFrom("work_parts").selectAll().where("reservation_id", "=", id).orderBy("n").execute();
  return rows.map((row) => ({
    payer: row.payer,
    account: row.account,
    machine: row.machine,
    model: row.model,
    attemptId: row.attempt_id,
    gross: BigInt(row.gross),
    promptTokens: row.prompt_tokens,
    completionTokens: row.completion_tokens,
  }));
}

function sameParts(kept: readonly WorkPart[], given: readonly WorkPart[]): boolean {
  if (kept.length !== given.length) return false;
  return kept.every((part, n) => {
    const other = given[n];
    return (
      other !== undefined && (Object.keys(part) as (keyof WorkPart)[]).every((member) => part[member] === other[member])
    );
  });
}
