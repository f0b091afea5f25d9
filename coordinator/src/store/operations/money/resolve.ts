import type { MicroUsd } from "../../../platform/micro-usd.js";
import type {
  Abandoned,
  Abandonment,
  AbandonResult,
  OpenReservation,
  Posted,
  Posting,
  PostResult,
  VoidResult,
} from "../../ledger-store.js";
import type { Trx } from "../operation.js";
import type { Book, Needs, RowOf } from "./book.js";
import { charge, chargeIdOf } from "./charge.js";
import { changeSpend } from "./hold.js";
import { ledgerAccountOf, platformAccountOf } from "./ledger-accounts.js";
import { Moves } from "./moves.js";
import { consumerCost, partsOfText, smallerOf } from "./parts.js";
import { isSameWork, setAsideOf, spendKeyOfReservation } from "./reservations.js";
import { moveAll } from "./transfer.js";

/** What a reservation may be resolved with beside what comes with it: the accounts of who has worked, and the platform's. */
function needsOfCharge(id: string, parts: Posting["parts"]): Needs {
  const transferId = chargeIdOf(id);
  const platform = [platformAccountOf("fees", transferId), platformAccountOf("losses", transferId)];
  return { accounts: [...platform, ...parts.map(({ account }) => ledgerAccountOf("earned", account))] };
}

export function needsOfPost({ id, parts }: Posting): Needs {
  return { reservations: [id], ...needsOfCharge(id, parts) };
}

/** Of one that was posted before, for what. */
export function moreForPost(book: Book, { id }: Posting): Needs {
  return book.reservations.get(id)?.state === "posted" ? { works: [id] } : {};
}

/** Rules 8 to 10 of docs/ledger.md. */
export function post(book: Book, posting: Posting): PostResult {
  const { id, parts } = posting;
  const row = book.reservations.get(id);
  if (row === undefined) return { type: "unknown" };
  if (row.state === "open") return settle(book, row, { posting, by: "caller" });
  if (row.state === "voided") return { type: "already", state: "voided", charged: 0n };
  const charged = BigInt(row.posted);
  if (row.resolved_by !== "caller") return { type: "already", state: "posted", charged };
  const isSame = isSameWork(book.works.get(id)?.parts ?? [], parts);
  return isSame ? { type: "posted", charged, lost: consumerCost(parts) - charged } : { type: "conflict" };
}

export interface Voiding {
  readonly id: string;
  readonly nowMs: number;
}

export function needsOfVoid({ id }: Voiding): Needs {
  return { reservations: [id] };
}

/** Rule 11. */
export function voidReservation(book: Book, { id, nowMs }: Voiding): VoidResult {
  const row = book.reservations.get(id);
  if (row === undefined) return { type: "unknown" };
  if (row.state === "posted") return { type: "already", state: "posted", charged: BigInt(row.posted) };
  if (row.state === "open") release(book, row, { by: "caller", nowMs });
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

export function needsOfAbandon({ id }: Abandonment): Needs {
  return { reservations: [id] };
}

/** Whoever has delivered, as far as was told. */
export function moreForAbandon(book: Book, { id }: Abandonment): Needs {
  const row = book.reservations.get(id);
  return row?.state === "open" ? needsOfCharge(id, partsOfText(row.used_parts)) : {};
}

/** Rule 12. */
export function abandon(book: Book, { id, nowMs, because }: Abandonment): AbandonResult {
  const row = book.reservations.get(id);
  if (row === undefined || row.state !== "open") return { type: "kept" };
  const isDue =
    because.type === "recovery"
      ? row.node === because.node
      : row.expires_at_ms === because.expiresAtMs && because.expiresAtMs <= nowMs;
  if (!isDue) return { type: "kept" };
  const parts = partsOfText(row.used_parts);
  if (parts.length > 0) return settle(book, row, { posting: { id, nowMs, parts }, by: because.type });
  release(book, row, { by: because.type, nowMs });
  return { type: "voided" };
}

type ResolvedBy = "caller" | Abandonment["because"]["type"];

function settle(
  book: Book,
  row: RowOf<"reservations">,
  { posting, by }: { readonly posting: Posting; readonly by: ResolvedBy },
): Posted {
  const { all } = setAsideOf(row);
  const owed = consumerCost(posting.parts);
  const posted = smallerOf(owed, all);
  const taken = resolve(book, row, { state: "posted", posted, by, nowMs: posting.nowMs });
  charge(book, taken, posting);
  return { type: "posted", charged: posted, lost: owed - posted };
}

function release(
  book: Book,
  row: RowOf<"reservations">,
  { by, nowMs }: { readonly by: ResolvedBy; readonly nowMs: number },
): void {
  resolve(book, row, { state: "voided", posted: 0n, by, nowMs });
  const { credit, earned } = setAsideOf(row);
  moveAll(book, new Moves(row.id).user("credit", row.payer, 0n, -credit).user("earned", row.payer, 0n, -earned));
}

interface Resolution {
  readonly state: "posted" | "voided";
  readonly posted: MicroUsd;
  readonly by: ResolvedBy;
  readonly nowMs: number;
}

function resolve(book: Book, row: RowOf<"reservations">, { state, posted, by, nowMs }: Resolution) {
  const resolved = { ...row, state, posted, resolved_by: by, resolved_at_ms: nowMs };
  book.reservations.put(resolved);
  const key = spendKeyOfReservation(row);
  if (key !== undefined) changeSpend(book, key, { held: -setAsideOf(row).all, spent: posted });
  return resolved;
}
