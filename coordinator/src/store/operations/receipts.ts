import type { StoredAttestation } from "../attestation-store.js";
import { PRUNE_BATCH, type StoredReceipt } from "../receipt-store.js";
import type { ReceiptRow } from "../schema/tables.js";
import { ManyRows } from "./many-rows.js";
import type { Trx } from "./operation.js";

const RECEIPTS = new ManyRows((trx, rows: readonly ReceiptRow[]) =>
  trx
    .insertInto("receipts")
    .values(rows)
    .onConflict((conflict) => conflict.doNothing()),
);

export async function putReceipts(trx: Trx, receipts: readonly StoredReceipt[]): Promise<void> {
  await RECEIPTS.insert(trx, receipts.map(rowOf));
}

export interface FindReceipt {
  readonly requestId: string;
  readonly account: string;
}

export async function findReceipt(trx: Trx, { requestId, account }: FindReceipt): Promise<StoredReceipt | undefined> {
  const row = await trx
    .selectFrom("receipts")
    .selectAll()
    .where("request_id", "=", requestId)
    .where("account", "=", account)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  return {
    requestId,
    account,
    providerId: row.provider_id,
    createdAtMs: row.created_at_ms,
    blob: new Uint8Array(row.blob),
    signature: new Uint8Array(row.signature),
    attestationHash: row.attestation_hash,
  };
}

export interface PruneReceipts {
  readonly beforeMs: number;
  readonly keepAtMost: number;
}

export async function pruneReceipts(trx: Trx, { beforeMs, keepAtMost }: PruneReceipts): Promise<number> {
  const aged = await forgetOldest(trx, PRUNE_BATCH, beforeMs);
  const { n } = await trx
    .selectFrom("receipts")
    .select(({ fn }) => fn.countAll<number>().as("n"))
    .executeTakeFirstOrThrow();
  const surplus = await forgetOldest(trx, Math.max(0, Math.min(n - keepAtMost, PRUNE_BATCH - aged)));
  await forgetUnnamed(trx, beforeMs);
  return aged + surplus;
}

/** @returns how many receipts it has forgotten */
async function forgetOldest(trx: Trx, count: number, beforeMs?: number): Promise<number> {
  if (count === 0) return 0;
  const { numDeletedRows } = await trx
    .deleteFrom("receipts")
    .where(({ eb, refTuple, selectFrom }) =>
      eb(
        refTuple("request_id", "account"),
        "in",
        selectFrom("receipts as r")
          .select(["r.request_id", "r.account"])
          .$if(beforeMs !== undefined, (query) => query.where("r.created_at_ms", "<", beforeMs ?? 0))
          .orderBy("r.created_at_ms")
          .limit(count)
          .$asTuple("request_id", "account"),
      ),
    )
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}

/** Attestations that no receipt names any more. */
async function forgetUnnamed(trx: Trx, beforeMs: number): Promise<void> {
  await trx
    .deleteFrom("attestations")
    .where("hash", "in", (from) =>
      from
        .selectFrom("attestations as a")
        .select("a.hash")
        .where("a.created_at_ms", "<", beforeMs)
        .where(({ not, exists, selectFrom }) =>
          not(exists(selectFrom("receipts as r").select("r.request_id").whereRef("r.attestation_hash", "=", "a.hash"))),
        )
        .limit(PRUNE_BATCH),
    )
    .execute();
}

export async function putAttestation(trx: Trx, attestation: StoredAttestation): Promise<void> {
  const { hash, blob, signature, identityKey, createdAtMs } = attestation;
  await trx
    .insertInto("attestations")
    .values({ hash, blob, signature, identity_key: identityKey, created_at_ms: createdAtMs })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

export async function getAttestation(trx: Trx, hash: string): Promise<StoredAttestation | undefined> {
  const row = await trx.selectFrom("attestations").selectAll().where("hash", "=", hash).executeTakeFirst();
  if (row === undefined) return undefined;
  return {
    hash,
    blob: new Uint8Array(row.blob),
    signature: new Uint8Array(row.signature),
    identityKey: new Uint8Array(row.identity_key),
    createdAtMs: row.created_at_ms,
  };
}

function rowOf(receipt: StoredReceipt): ReceiptRow {
  const { requestId, account, providerId, createdAtMs, blob, signature, attestationHash } = receipt;
  return {
    request_id: requestId,
    account,
    provider_id: providerId,
    created_at_ms: createdAtMs,
    blob,
    signature,
    attestation_hash: attestationHash,
  };
}
