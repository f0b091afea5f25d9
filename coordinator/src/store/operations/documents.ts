import type { DocumentRow } from "../schema/tables.js";
import type { Trx } from "./operation.js";

export async function getDocument(trx: Trx, name: string): Promise<string | undefined> {
  return (await trx.selectFrom("documents").select("json").where("name", "=", name).executeTakeFirst())?.json;
}

export async function putDocument(trx: Trx, { name, json }: DocumentRow): Promise<void> {
  await trx
    .insertInto("documents")
    .values({ name, json })
    .onConflict((conflict) => conflict.column("name").doUpdateSet({ json }))
    .execute();
}
