import { sql } from "kysely";
import type { Account, AccountChanges, NewAccount } from "../account-store.js";
import type { Page } from "../enrolment-store.js";
import type { AccountRow } from "../schema/tables.js";
import type { Trx } from "./operation.js";

export async function addAccount(trx: Trx, account: NewAccount): Promise<"added" | "exists" | "no_parent"> {
  const { id, name, parent, budget, concurrency, createdAtMs } = account;
  if (parent !== undefined) {
    const above = await findAccount(trx, parent);
    if (above === undefined || above.parent !== undefined) return "no_parent";
  }
  const { numInsertedOrUpdatedRows: added = 0n } = await trx
    .insertInto("accounts")
    .values({
      id,
      name,
      parent: parent ?? null,
      budget,
      concurrency: concurrency ?? null,
      created_at_ms: createdAtMs,
      suspended_at_ms: null,
    })
    .onConflict((conflict) => conflict.column("id").doNothing())
    .executeTakeFirstOrThrow();
  return added > 0n ? "added" : "exists";
}

export async function findAccount(trx: Trx, id: string): Promise<Account | undefined> {
  const row = await trx.selectFrom("accounts").selectAll().where("id", "=", id).executeTakeFirst();
  return row && accountOf(row);
}

export async function listAccounts(trx: Trx, { account: parent, limit, after }: Page): Promise<readonly Account[]> {
  let query = trx.selectFrom("accounts").selectAll();
  if (parent !== undefined) query = query.where("parent", "=", parent);
  if (after !== undefined) {
    const last = trx.selectFrom("accounts").select(["created_at_ms", "id"]).where("id", "=", after);
    query = query.where(sql<boolean>`(created_at_ms, id) > ${last}`);
  }
  return (await query.orderBy("created_at_ms").orderBy("id").limit(limit).execute()).map(accountOf);
}

export interface UpdateAccount {
  readonly id: string;
  readonly changes: AccountChanges;
}

export async function updateAccount(trx: Trx, { id, changes }: UpdateAccount): Promise<Account | undefined> {
  const now = await findAccount(trx, id);
  if (now === undefined) return undefined;
  const { name, budget, concurrency } = { ...now, ...changes };
  const row = await trx
    .updateTable("accounts")
    .set({ name, budget, concurrency: concurrency ?? null })
    .where("id", "=", id)
    .returningAll()
    .executeTakeFirst();
  return row && accountOf(row);
}

export interface SuspendAccount {
  readonly id: string;
  readonly atMs: number | undefined;
}

export async function suspendAccount(trx: Trx, { id, atMs }: SuspendAccount): Promise<Account | undefined> {
  const row = await trx
    .updateTable("accounts")
    .set({ suspended_at_ms: atMs ?? null })
    .where("id", "=", id)
    .returningAll()
    .executeTakeFirst();
  return row && accountOf(row);
}

export async function suspendedAccounts(trx: Trx, _input: null): Promise<readonly string[]> {
  const suspended = trx.selectFrom("accounts").select("id").where("suspended_at_ms", "is not", null);
  const rows = await trx
    .selectFrom("accounts")
    .select("id")
    .where(({ eb, or }) => or([eb("suspended_at_ms", "is not", null), eb("parent", "in", suspended)]))
    .orderBy("id")
    .execute();
  return rows.map(({ id }) => id);
}

function accountOf(row: AccountRow): Account {
  return {
    id: row.id,
    name: row.name,
    parent: row.parent ?? undefined,
    budget: row.budget,
    concurrency: row.concurrency ?? undefined,
    createdAtMs: row.created_at_ms,
    suspendedAtMs: row.suspended_at_ms ?? undefined,
  };
}
