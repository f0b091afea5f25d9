// Accounts, their keys and their money, as the coordinator answers; see its /openapi.json.

export interface Account {
  readonly id: string;
  readonly name: string;
  readonly parent: string | null;
  readonly budget: "own" | "shared";
  readonly concurrency: number | null;
  readonly status: "active" | "suspended";
  readonly created_at: number;
}

export type BudgetReset = "never" | "daily" | "weekly" | "monthly";

export interface ApiKey {
  readonly id: string;
  readonly account: string;
  readonly name: string;
  readonly prefix: string;
  readonly status: "active" | "expired" | "revoked";
  readonly scopes: readonly string[];
  readonly allowed_models: readonly string[] | null;
  readonly self_route_only: boolean;
  readonly limits: {
    readonly requests_per_minute: number | null;
    readonly tokens_per_minute: number | null;
    readonly concurrency: number | null;
    readonly budget: { readonly micro_usd: number; readonly reset: BudgetReset } | null;
  };
  readonly tags: Readonly<Record<string, string>>;
  readonly created_at: number;
  readonly expires_at: number | null;
}

export interface IssuedKey extends ApiKey {
  readonly key: string;
}

export interface Balance {
  readonly account: string;
  readonly available_micro_usd: number;
  readonly credit: { readonly balance_micro_usd: number; readonly reserved_micro_usd: number };
  readonly earned: { readonly balance_micro_usd: number; readonly reserved_micro_usd: number };
  readonly pending_payouts_micro_usd: number;
}

export interface Payout {
  readonly id: string;
  readonly account: string;
  readonly amount_micro_usd: number;
  readonly status: "requested" | "paid" | "failed" | "returned";
  readonly reason: string | null;
  readonly requested_at: number;
  readonly changed_at: number;
}

export interface OwnKey {
  readonly id: string;
  readonly account: string;
  readonly name: string;
  readonly scopes: readonly string[];
  readonly limit: number | null;
  readonly limit_reset: BudgetReset | null;
  readonly limit_remaining: number | null;
  readonly usage: number;
  readonly usage_daily: number;
  readonly usage_weekly: number;
  readonly usage_monthly: number;
  readonly rate_limit: { readonly requests: number | null; readonly tokens: number | null };
  readonly concurrency: number | null;
  readonly allowed_models: readonly string[] | null;
}

export interface UsageBucket {
  readonly start_time: number;
  readonly end_time: number;
  readonly model?: string;
  readonly key?: string;
  readonly endpoint?: string;
  readonly provider?: string;
  readonly requests: number;
  readonly refused: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly cost_micro_usd: number;
  readonly average_first_content_ms: number | null;
}

export interface EarningsLine {
  readonly machine?: string;
  readonly model?: string;
  readonly start_time?: number;
  readonly gross_micro_usd: number;
  readonly fee_micro_usd: number;
  readonly net_micro_usd: number;
  readonly requests: number;
  readonly completion_tokens: number;
}

export interface NoticeDelivery {
  readonly at: number;
  /** `null` = it was taken. */
  readonly failure: string | null;
}

export interface Notifications {
  readonly available_events: readonly string[];
  readonly place: string | null;
  readonly format: "json" | "slack";
  readonly events: readonly string[];
  readonly last_delivery: NoticeDelivery | null;
}

export interface NewNotifications extends Notifications {
  readonly secret: string | null;
}

export interface OwnPrice {
  readonly id: string;
  readonly machine: string | null;
  readonly model: string;
  readonly status: "to_come" | "in_force" | "over" | "withdrawn";
  readonly input_micro_usd: number;
  readonly output_micro_usd: number;
  readonly starts_at: number;
}
