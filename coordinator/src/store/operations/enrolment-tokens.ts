import { ENROLMENT_PRUNE_BATCH, type EnrolmentToken, type NewEnrolmentToken, type Page } from "../enrolment-store.js";
import type { TokenRow } from "../schema/tables.js";
import type { Revoke } from "./machines.js";
import { inserts, type Trx } from "./operation.js";
import { readPage } from "./page.js";

export interface AddTokens {
  readonly tokens: readonly NewEnrolmentToken[];
  readonly maxUnused: number;
}

export async function addTokens(trx: Trx, { tokens, maxUnused }: AddTokens): Promise<"added" | "account_full"> {
  const [first] = tokens;
  if (first === undefined) return "added";
  const unused = await trx
    .selectFrom("enrolment_tokens")
    .select(({ fn }) => fn.countAll<number>().as("n"))
    .where("account", "=", first.account)
    .where("used_at_ms", "is", null)
    .where("revoked_at_ms", "is", null)
    .where("expires_at_ms", ">", first.createdAtMs)
    .executeTakeFirstOrThrow();
  if (unused.n + tokens.length > maxUnused) return "account_full";
  for (const rows of inserts(tokens.map(rowOf))) await trx.insertInto("enrolment_tokens").values(rows).execute();
  return "added";
}

export async function listTokens(trx: Trx, page: Page): Promise<readonly EnrolmentToken[]> {
  return (await readPage(trx, "enrolment_tokens", page)).map(tokenOf);
}

export async function revokeToken(trx: Trx, { id, atMs, account }: Revoke): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable("enrolment_tokens")
    .set({ revoked_at_ms: atMs })
    .where("id", "=", id)
    .where("used_at_ms", "is", null)
    .where("revoked_at_ms", "is", null)
    .where("expires_at_ms", ">", atMs)
    .$if(account !== undefined, (query) => query.where("account", "=", account ?? ""))
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

/** Machines as well: what an enrolment leaves behind goes at one time. */
export async function pruneEnrolments(trx: Trx, beforeMs: number): Promise<number> {
  const tokens = await trx
    .deleteFrom("enrolment_tokens")
    .where("id", "in", (from) =>
      from
        .selectFrom("enrolment_tokens")
        .select("id")
        .where(({ eb, or }) =>
          or([eb("expires_at_ms", "<", beforeMs), eb("used_at_ms", "<", beforeMs), eb("revoked_at_ms", "<", beforeMs)]),
        )
        .limit(ENROLMENT_PRUNE_BATCH),
    )
    .executeTakeFirstOrThrow();
  const machines = await trx
    .deleteFrom("machines")
    .where("id", "in", (from) =>
      from.selectFrom("machines").select("id").where("revoked_at_ms", "<", beforeMs).limit(ENROLMENT_PRUNE_BATCH),
    )
    .executeTakeFirstOrThrow();
  return Math.max(Number(tokens.numDeletedRows), Number(machines.numDeletedRows));
}

function rowOf({ id, account, tokenDigest, note, createdAtMs, expiresAtMs }: NewEnrolmentToken): TokenRow {
  return {
    id,
    account,
    token_digest: tokenDigest,
    note,
    created_at_ms: createdAtMs,
    expires_at_ms: expiresAtMs,
    used_at_ms: null,
    revoked_at_ms: null,
    machine_id: null,
  };
}

function tokenOf(row: TokenRow): EnrolmentToken {
  const { id, account, note } = row;
  return {
    id,
    account,
    tokenDigest: row.token_digest,
    note,
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms,
    usedAtMs: row.used_at_ms ?? undefined,
    revokedAtMs: row.revoked_at_ms ?? undefined,
  };
}
