import { sql } from "kysely";
import type { DocumentRow } from "../schema/tables.js";
import type { Trx } from "./operation.js";

export async function getDocument(trx: Trx, name: string): Promise<string | undefined> {
  return (await trx.selectFrom("documents").select("json").where("name", "=", name).executeTakeFirst())?.json;
}

export async function listDocuments(trx: Trx, prefix: string): Promise<readonly DocumentRow[]> {
  return trx
    .selectFrom("documents")
    .selectAll()
    .where(sql<string>`substr(name, 1, ${prefix.length})`, "=", prefix)
    .orderBy("name")
    .execute();
}

export async function removeDocuments(trx: Trx, names: readonly string[]): Promise<void> {
  for (const name of names) await trx.deleteFrom("documents").where("name", "=", name).execute();
}

export async function putDocument(trx: Trx, { name, json }: DocumentRow): Promise<void> {
  await trx
    .insertInto("documents")
    .values({ name, json })
    .onConflict((conflict) => conflict.column("name").doUpdateSet({ json }))
    .execute();
}
