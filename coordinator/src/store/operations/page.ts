import { sql } from "kysely";
import type { Page } from "../enrolment-store.js";
import type { ApiKeyRow, MachineRow, TokenRow } from "../schema/tables.js";
import type { Trx } from "./operation.js";

interface Paged {
  readonly machines: MachineRow;
  readonly enrolment_tokens: TokenRow;
  readonly api_keys: ApiKeyRow;
}

/** One page of a table, oldest first. Each of its shapes has an index; one statement for all of them would use none. */
export async function readPage<T extends keyof Paged>(trx: Trx, table: T, page: Page): Promise<readonly Paged[T][]> {
  const { account, limit, after } = page;
  // The tables are alike in what matters here, which the compiler cannot see of a choice between them.
  let query = trx.selectFrom(table as "machines").selectAll();
  if (account !== undefined) query = query.where("account", "=", account);
  if (after !== undefined) {
    const last = trx
      .selectFrom(table as "machines")
      .select(["created_at_ms", "id"])
      .where("id", "=", after);
    query = query.where(sql<boolean>`(created_at_ms, id) > ${last}`);
  }
  const rows: unknown[] = await query.orderBy("created_at_ms").orderBy("id").limit(limit).execute();
  return rows as Paged[T][];
}
