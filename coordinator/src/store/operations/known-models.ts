import type { StoredKnownModel } from "../known-model-store.js";
import type { Trx } from "./operation.js";

export async function allKnownModels(trx: Trx, _input: null): Promise<readonly StoredKnownModel[]> {
  const rows = await trx.selectFrom("known_models").selectAll().orderBy("answered_at_ms").execute();
  return rows.map(({ model, provider_id, account, answered_at_ms, facts }) => ({
    model,
    providerId: provider_id,
    account,
    answeredAtMs: answered_at_ms,
    facts,
  }));
}

export async function putKnownModels(trx: Trx, models: readonly StoredKnownModel[]): Promise<void> {
  // One by one: two names of one batch may be the same to the database, and a statement changes no row twice.
  for (const { model, providerId, account, answeredAtMs, facts } of models) {
    await trx
      .insertInto("known_models")
      .values({ model, provider_id: providerId, account, answered_at_ms: answeredAtMs, facts })
      .onConflict((conflict) =>
        conflict.columns(["model", "provider_id"]).doUpdateSet({ account, answered_at_ms: answeredAtMs, facts }),
      )
      .execute();
  }
}

export async function removeKnownModels(
  trx: Trx,
  pairs: readonly Pick<StoredKnownModel, "model" | "providerId">[],
): Promise<void> {
  for (const { model, providerId } of pairs) {
    await trx.deleteFrom("known_models").where("model", "=", model).where("provider_id", "=", providerId).execute();
  }
}
