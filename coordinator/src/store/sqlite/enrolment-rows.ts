import type { EnrolmentMethod, EnrolmentToken, Machine } from "../enrolment-store.js";

/** A row of `machines`. */
export interface MachineRow {
  readonly id: string;
  readonly account: string;
  readonly identity: string;
  readonly name: string;
  readonly platform: string;
  readonly agent_version: string;
  readonly method: EnrolmentMethod;
  readonly token_digest: string;
  readonly created_at_ms: number;
  readonly last_seen_at_ms: number | null;
  readonly revoked_at_ms: number | null;
}

/** A row of `enrolment_tokens`. */
export interface TokenRow {
  readonly id: string;
  readonly account: string;
  readonly token_digest: string;
  readonly note: string;
  readonly created_at_ms: number;
  readonly expires_at_ms: number;
  readonly used_at_ms: number | null;
  readonly revoked_at_ms: number | null;
}

export function machineOf(row: MachineRow): Machine {
  const { id, account, identity, name, platform, method } = row;
  return {
    id,
    account,
    identity,
    name,
    platform,
    agentVersion: row.agent_version,
    method,
    tokenDigest: row.token_digest,
    createdAtMs: row.created_at_ms,
    lastSeenAtMs: row.last_seen_at_ms ?? undefined,
    revokedAtMs: row.revoked_at_ms ?? undefined,
  };
}

export function tokenOf(row: TokenRow): EnrolmentToken {
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
