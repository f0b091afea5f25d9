// What the coordinator's routes answer with, as far as the page looks at it. `/openapi.json` has the whole of it.

export interface List<T> {
  readonly data: readonly T[];
  readonly last_id?: string | null;
  readonly has_more?: boolean;
}

export type Role = "operator" | "owner" | "consumer";

export interface Session {
  readonly account: string;
  readonly key_id: string;
  readonly scopes: readonly string[];
  readonly role: Role;
  readonly expires_at: string | number;
}

export type ProviderStatus = "serving" | "draining" | "offline";

export interface Reputation {
  readonly score: number;
  readonly reasons: Readonly<Record<string, { readonly count: number; readonly ms: number } | undefined>>;
}

export interface Slot {
  readonly state: string;
  readonly running: number;
  readonly queued: number;
  readonly max_concurrency?: number;
  readonly decode_tps?: number;
  readonly prefill_tps?: number;
}

export interface ProviderModel {
  readonly id: string;
  readonly context_length?: number;
  readonly quantization?: string;
  readonly backend?: { readonly kind: string; readonly version?: string };
  readonly template_render_ok?: boolean;
  readonly slot: Slot | null;
  readonly in_flight: number;
  /** Which gates stop it for this model; empty = none does. */
  readonly gates?: readonly GateWords[];
}

export interface GateWords {
  readonly gate: string;
  readonly words?: string;
}

export interface Provider {
  readonly id: string;
  readonly name: string | null;
  readonly label?: string | null;
  readonly notes?: string | null;
  readonly account: string;
  readonly status: ProviderStatus;
  readonly trust: string;
  readonly agent_version: string;
  readonly hardware: {
    readonly platform: string;
    readonly arch: string;
    readonly chip?: string;
    readonly cpu_cores: number;
    readonly memory_bytes: number;
  };
  readonly vitals: {
    readonly memory_free_bytes?: number;
    readonly memory_pressure?: number;
    readonly cpu_load?: number;
    readonly gpu_load?: number;
    readonly thermal?: string;
  };
  readonly reputation: Reputation;
  readonly connected_ms: number;
  readonly heartbeat_age_ms: number;
  readonly models: readonly ProviderModel[];
  readonly gates?: readonly (GateWords & { readonly model?: string })[];
  readonly recent?: readonly Outcome[];
}

export interface Outcome {
  readonly id?: string;
  readonly request?: string;
  readonly model?: string;
  readonly outcome?: string;
  readonly result?: string;
  readonly code?: string | null;
  readonly at?: string;
}

export type RequestOutcome = "running" | "success" | "failed" | "cancelled" | "refused";

export interface RequestSummary {
  readonly id: string;
  readonly created_at: string;
  readonly account?: string;
  readonly key_id?: string;
  readonly endpoint: string;
  readonly dialect: string;
  readonly model: string;
  readonly build: string | null;
  readonly provider: string | null;
  readonly outcome: RequestOutcome;
  readonly code: string | null;
  readonly attempts: number;
  readonly stream: boolean;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly cost_micro_usd: string | number | null;
  readonly ttft_ms: number | null;
  readonly total_ms: number;
  readonly queued_ms: number;
}

export interface AttemptDetail {
  readonly id: string;
  readonly provider: string;
  readonly model: string;
  readonly role: "primary" | "backup";
  readonly started_ms: number;
  readonly route_ms?: number | null;
  readonly first_content_ms: number | null;
  readonly ended_ms: number | null;
  readonly result: "success" | "failed" | "cancelled" | "running";
  readonly code: string | null;
  readonly reason?: string | null;
  readonly expected_ms?: number | null;
  readonly prompt_tokens?: number | null;
  readonly completion_tokens?: number | null;
  readonly chosen?: { readonly terms?: Readonly<Record<string, number>> } | null;
}

export interface RequestDetail extends Omit<RequestSummary, "attempts"> {
  readonly timings: Readonly<Record<string, number>>;
  readonly attempts: readonly AttemptDetail[];
  readonly not_tried?: readonly { readonly model: string; readonly provider?: string; readonly reason: string }[];
}

export interface LiveSnapshot {
  readonly providers: Readonly<Record<ProviderStatus, number>>;
  readonly in_flight: number;
  readonly queued: number;
  readonly requests_per_second: number;
  readonly tokens_per_second: number;
  readonly ttft_ms: { readonly p50: number | null; readonly p95: number | null; readonly p99: number | null };
  readonly errors: readonly { readonly code: string; readonly count: number }[];
  readonly skipped?: number;
}

export interface BreakerEntry {
  readonly provider: string;
  readonly model: string;
  readonly shape: string;
  readonly state: "open" | "half_open" | "capacity";
  readonly reason: string | null;
  readonly remaining_ms: number;
  readonly faults: number;
}

export interface QueueEntry {
  readonly model: string;
  readonly waiting: number;
  readonly limit: number;
  readonly oldest_ms: number | null;
}
