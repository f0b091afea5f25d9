import { sql } from "kysely";
import {
  type KeptNoticeTarget,
  type LastDelivery,
  NOTICE_BATCH,
  type NoticeTarget,
  type OwnMessage,
  type OwnTried,
  type Spread,
} from "../notice-store.js";
import type { NoticeTargetRow } from "../schema/tables.js";
import type { Trx } from "./operation.js";

const HOUR_MS = 3_600_000;

export async function putTarget(trx: Trx, target: NoticeTarget): Promise<void> {
  const { account, url, format, secret, events, sinceMs: since_ms } = target;
  const row = { url, format, secret, events: events.join(" "), since_ms };
  await trx
    .insertInto("notice_targets")
    .values({ account, ...row, last_at_ms: null, last_failure: null })
    .onConflict((conflict) => conflict.column("account").doUpdateSet({ ...row, last_at_ms: null, last_failure: null }))
    .execute();
}

export async function findTarget(trx: Trx, account: string): Promise<KeptNoticeTarget | undefined> {
  const row = await trx.selectFrom("notice_targets").selectAll().where("account", "=", account).executeTakeFirst();
  if (row === undefined) return undefined;
  const { last_at_ms: atMs, last_failure: failure } = row;
  return { ...targetOf(row), last: atMs === null ? undefined : { atMs, failure: failure ?? undefined } };
}

export async function removeTarget(trx: Trx, account: string): Promise<boolean> {
  await trx.deleteFrom("own_messages").where("account", "=", account).execute();
  const { numDeletedRows } = await trx
    .deleteFrom("notice_targets")
    .where("account", "=", account)
    .executeTakeFirstOrThrow();
  return numDeletedRows > 0n;
}

export async function listTargets(trx: Trx): Promise<readonly NoticeTarget[]> {
  const rows = await trx.selectFrom("notice_targets").selectAll().orderBy("account").execute();
  return rows.map(targetOf);
}

export async function spread(trx: Trx, { fromMs, nowMs, mostAnHour }: Spread): Promise<number | undefined> {
  const told = await trx
    .selectFrom("outbox")
    .select(["id", "kind", "payload", "created_at_ms"])
    .where("created_at_ms", ">=", fromMs)
    .orderBy("created_at_ms")
    .orderBy("id")
    .limit(NOTICE_BATCH)
    .execute();
  if (told.length === 0) return undefined;
  const targets = new Map((await listTargets(trx)).map((target) => [target.account, target]));
  const wanted = told.flatMap((message) => {
    const target = targets.get(accountOf(message.payload));
    if (target === undefined || message.created_at_ms < target.sinceMs) return [];
    return target.events.includes(message.kind) ? [{ account: target.account, message }] : [];
  });
  const isNew = await newOnes(
    trx,
    wanted.map(({ message }) => `own_${message.id}`),
  );
  for (const { account, message } of wanted) {
    const { id, ...rest } = message;
    if (!isNew(`own_${id}`) || (await countSince(trx, account, nowMs - HOUR_MS)) >= mostAnHour) continue;
    const tried = { delivered_at_ms: null, attempts: 0, next_at_ms: nowMs };
    await trx
      .insertInto("own_messages")
      .values({ id: `own_${id}`, account, ...rest, ...tried })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
  return told.at(-1)?.created_at_ms;
}

async function newOnes(trx: Trx, ids: readonly string[]): Promise<(id: string) => boolean> {
  if (ids.length === 0) return () => false;
  const rows = await trx.selectFrom("own_messages").select("id").where("id", "in", ids).execute();
  const known = new Set(rows.map(({ id }) => id));
  return (id) => !known.has(id);
}

async function countSince(trx: Trx, account: string, sinceMs: number): Promise<number> {
  const { count } = await trx
    .selectFrom("own_messages")
    .select(({ fn }) => fn.countAll<number>().as("count"))
    .where("account", "=", account)
    .where("created_at_ms", ">=", sinceMs)
    .executeTakeFirstOrThrow();
  return Number(count);
}

export interface DueOwn {
  readonly nowMs: number;
  readonly limit: number;
}

export async function dueOwn(trx: Trx, { nowMs, limit }: DueOwn): Promise<readonly OwnMessage[]> {
  const rows = await trx
    .selectFrom((from) =>
      from
        .selectFrom("own_messages")
        .selectAll()
        .select(sql<number>`row_number() OVER (PARTITION BY account ORDER BY created_at_ms, id)`.as("n"))
        .where("delivered_at_ms", "is", null)
        .where("next_at_ms", "<=", nowMs)
        .as("waiting"),
    )
    .selectAll()
    .where("n", "=", 1)
    .orderBy("next_at_ms")
    .orderBy("id")
    .limit(limit)
    .execute();
  return rows.map(({ id, account, kind, payload, created_at_ms, attempts }) => ({
    ...{ id, account, kind, payload, attempts },
    createdAtMs: created_at_ms,
  }));
}

export interface TestedOwn {
  readonly account: string;
  readonly last: LastDelivery;
}

export async function testedOwn(trx: Trx, { account, last }: TestedOwn): Promise<void> {
  await trx
    .updateTable("notice_targets")
    .set({ last_at_ms: last.atMs, last_failure: last.failure ?? null })
    .where("account", "=", account)
    .execute();
}

export interface TriedOwn {
  readonly id: string;
  readonly tried: OwnTried;
}

export async function triedOwn(trx: Trx, { id, tried }: TriedOwn): Promise<void> {
  const message = await trx.selectFrom("own_messages").select("account").where("id", "=", id).executeTakeFirst();
  if (message === undefined) return;
  const { account } = message;
  const isTaken = "deliveredAtMs" in tried;
  await trx
    .updateTable("own_messages")
    .set(isTaken ? { delivered_at_ms: tried.deliveredAtMs } : {})
    .set({ attempts: sql`attempts + 1` })
    .where("id", "=", id)
    .execute();
  const last = isTaken
    ? { atMs: tried.deliveredAtMs, failure: undefined }
    : { atMs: tried.triedAtMs, failure: tried.failure };
  await testedOwn(trx, { account, last });
  if (isTaken) return;
  await trx
    .updateTable("own_messages")
    .set({ next_at_ms: tried.nextAtMs })
    .where("account", "=", account)
    .where("delivered_at_ms", "is", null)
    .where("next_at_ms", "<", tried.nextAtMs)
    .execute();
}

export async function pruneOwn(trx: Trx, beforeMs: number): Promise<number> {
  const { numDeletedRows } = await trx
    .deleteFrom("own_messages")
    .where("id", "in", (from) =>
      from
        .selectFrom("own_messages as o")
        .select("o.id")
        .where("o.created_at_ms", "<", beforeMs)
        .orderBy("o.created_at_ms")
        .limit(NOTICE_BATCH),
    )
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}

/** Whose things a message is about; empty = nobody's. */
function accountOf(payload: string): string {
  const { account } = JSON.parse(payload) as { readonly account?: unknown };
  return typeof account === "string" ? account : "";
}

function targetOf({ account, url, format, secret, events, since_ms }: NoticeTargetRow): NoticeTarget {
  return { account, url, format, secret, events: events === "" ? [] : events.split(" "), sinceMs: since_ms };
}
