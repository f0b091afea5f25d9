import type { UsageOutcome, UsageUnit } from "../usage-store.js";

export interface UsageRow {
  readonly request_id: string;
  readonly at_ms: number;
  readonly account: string;
  readonly key_id: string;
  readonly model_asked: string;
  readonly model: string;
  readonly provider_id: string;
  /** Of what was refused `failure`: the check of the first version knows no other word for it. */
  readonly outcome: Exclude<UsageOutcome, "refused">;
  readonly prompt_tokens: number;
  readonly cached_tokens: number;
  readonly completion_tokens: number;
  readonly estimated: number;
  readonly cost_micro_usd: number;
  readonly duration_ms: number;
  readonly first_content_ms: number | null;
  readonly facts: string;
  readonly dialect: string;
  readonly endpoint: string;
  readonly end_user: string;
  /** A JSON object. */
  readonly tags: string;
  /** Requests that were refused, of which this row tells; 0 = it tells of one that was not. */
  readonly refused: number;
}

export interface UsageTotalsRow {
  /** Unit, start and all names, as JSON: what the row is the total of. */
  readonly id: string;
  readonly unit: UsageUnit;
  readonly start_ms: number;
  readonly account: string;
  readonly key_id: string;
  readonly model: string;
  readonly provider_id: string;
  readonly requests: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly prompt_tokens: number;
  readonly cached_tokens: number;
  readonly completion_tokens: number;
  readonly cost_micro_usd: number;
  readonly duration_ms: number;
  readonly answered: number;
  readonly first_content_ms: number;
  readonly refused: number;
}
