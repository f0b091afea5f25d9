import type { Account, BudgetReset } from "../account-store.js";
import type { EnrolmentMethod } from "../enrolment-store.js";
import type { MoneyTables } from "./money-tables.js";
import type { UsageRow, UsageTotalsRow } from "./usage-tables.js";

/** The tables as both engines have them. Times are wall-clock ms; what is bytes is read as engines give it. */
export interface Tables extends MoneyTables {
  readonly machines: MachineRow;
  readonly enrolment_tokens: TokenRow;
  readonly attestations: AttestationRow;
  readonly receipts: ReceiptRow;
  readonly documents: DocumentRow;
  readonly known_models: KnownModelRow;
  readonly accounts: AccountRow;
  readonly api_keys: ApiKeyRow;
  readonly request_usage: UsageRow;
  readonly usage_totals: UsageTotalsRow;
  readonly owner_prices: OwnerPriceRow;
  readonly owner_price_changes: OwnerPriceChangeRow;
  readonly admin_actions: AdminActionRow;
  readonly notice_targets: NoticeTargetRow;
  readonly own_messages: OwnMessageRow;
}

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

export interface TokenRow {
  readonly id: string;
  readonly account: string;
  readonly token_digest: string;
  readonly note: string;
  readonly created_at_ms: number;
  readonly expires_at_ms: number;
  readonly used_at_ms: number | null;
  readonly revoked_at_ms: number | null;
  readonly machine_id: string | null;
}

export interface AttestationRow {
  readonly hash: string;
  readonly blob: Uint8Array;
  readonly signature: Uint8Array;
  readonly identity_key: Uint8Array;
  readonly created_at_ms: number;
}

export interface ReceiptRow {
  readonly request_id: string;
  readonly account: string;
  readonly provider_id: string;
  readonly created_at_ms: number;
  readonly blob: Uint8Array;
  readonly signature: Uint8Array;
  readonly attestation_hash: string;
}

export interface DocumentRow {
  readonly name: string;
  readonly json: string;
}

export interface KnownModelRow {
  readonly model: string;
  readonly provider_id: string;
  readonly account: string;
  readonly answered_at_ms: number;
  readonly facts: string;
}

export interface AccountRow {
  readonly id: string;
  readonly name: string;
  readonly parent: string | null;
  readonly budget: Account["budget"];
  readonly concurrency: number | null;
  readonly created_at_ms: number;
  readonly suspended_at_ms: number | null;
}

export interface ApiKeyRow {
  readonly id: string;
  readonly account: string;
  readonly name: string;
  readonly prefix: string;
  readonly digest: string;
  readonly old_digest: string | null;
  readonly old_ends_at_ms: number | null;
  /** With spaces between them. */
  readonly scopes: string;
  /** A JSON list. */
  readonly allowed_models: string | null;
  /** 0 or 1. */
  readonly self_route_only: number;
  readonly requests_per_minute: number | null;
  readonly tokens_per_minute: number | null;
  readonly concurrency: number | null;
  readonly budget_micro_usd: number | null;
  readonly budget_reset: BudgetReset | null;
  /** A JSON object. */
  readonly tags: string;
  readonly created_at_ms: number;
  readonly expires_at_ms: number | null;
  readonly revoked_at_ms: number | null;
}

/** What an owner asks from `from_ms` on, micro-USD per million tokens; null = nothing of his own any more. */
export interface OwnerPriceRow {
  readonly id: string;
  readonly account: string;
  /** Empty = all of the account's. */
  readonly machine: string;
  readonly model: string;
  readonly from_ms: number;
  readonly input: number | null;
  readonly output: number | null;
  readonly cached_input: number | null;
  readonly created_at_ms: number;
}

export interface OwnerPriceChangeRow {
  readonly account: string;
  /** Of the latest change of its prices. */
  readonly revision: number;
}

export interface AdminActionRow {
  readonly id: string;
  readonly at_ms: number;
  readonly key_id: string;
  readonly account: string;
  readonly method: string;
  readonly route: string;
  readonly target: string;
  readonly status: number;
  readonly changes: string;
}

export interface NoticeTargetRow {
  readonly account: string;
  readonly url: string;
  readonly format: "json" | "slack";
  readonly secret: string;
  /** With spaces between them. */
  readonly events: string;
  readonly since_ms: number;
  readonly last_at_ms: number | null;
  readonly last_failure: string | null;
}

export interface OwnMessageRow {
  readonly id: string;
  readonly account: string;
  readonly kind: string;
  readonly payload: string;
  readonly created_at_ms: number;
  readonly delivered_at_ms: number | null;
  readonly attempts: number;
  readonly next_at_ms: number;
}
