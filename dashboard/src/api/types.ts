// What the coordinator's routes answer with, as far as the page looks at it. `/openapi.json` has the whole of it.

import type { SettingChange } from "./config-types.js";

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

/** How people sign in, beside keys and links. */
export interface SignInMethods {
  readonly oidc: { readonly name: string; readonly path: string } | null;
}

export type ProviderStatus = "serving" | "draining" | "offline";

/** What changes of a machine from one moment to the next. */
export interface MachineNow {
  readonly id: string;
  readonly status: ProviderStatus;
  readonly in_flight: number;
  readonly troubled: boolean;
}

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
}

/** A closed gate: what stops a machine, behind "it", and what would open it. */
export interface GateWords {
  readonly gate: string;
  readonly words?: string;
  readonly remedy?: string;
}

export interface Provider {
  /** What was told of it since it was listed. */
  readonly now?: MachineNow;
  readonly id: string;
  readonly name: string | null;
  readonly label?: string | null;
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
}

/** A machine as its own page shows it. */
export interface ProviderDetail extends Provider {
  readonly notes?: string;
  readonly distrusted_ms?: number;
  readonly eligibility?: readonly {
    readonly model: string;
    readonly eligible: boolean;
    readonly gates: readonly GateWords[];
    readonly total_ms: number;
  }[];
  readonly recent_requests?: readonly RequestSummary[];
}

export type RequestOutcome = "running" | "success" | "failed" | "cancelled" | "refused";

export interface RequestSummary {
  readonly id: string;
  readonly created_at: number;
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
  readonly stream: boolean | null;
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
  readonly role: "primary" | "retry" | "overtake" | "backup";
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
  /** `null` = nothing had content within the last minute. */
  readonly ttft_ms: { readonly p50: number | null; readonly p95: number | null; readonly p99: number | null } | null;
  readonly errors: readonly { readonly code: string; readonly count: number }[];
  readonly skipped?: number;
}

export interface BreakerEntry {
  readonly provider: string;
  readonly model: string;
  readonly shape: string | null;
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

export interface Explanation {
  readonly model: string;
  readonly plan: readonly string[];
  readonly left_out?: number;
  readonly data: readonly {
    readonly provider: string;
    readonly name: string | null;
    readonly model: string;
    readonly eligible: boolean;
    readonly gates: readonly GateWords[];
    readonly terms: Readonly<Record<string, number>>;
    readonly total_ms: number;
    readonly rank: number | null;
    readonly expected_ms?: number;
    readonly probe: string;
  }[];
}

export interface AuditEntry {
  readonly id: string;
  readonly created_at: number;
  readonly key_id: string;
  readonly account: string;
  readonly method: string;
  readonly route: string;
  readonly target: string | null;
  readonly status: number;
  readonly changes?: readonly SettingChange[] | null;
}

export interface Machine {
  readonly id: string;
  readonly account: string;
  readonly status: "active" | "revoked";
  readonly fingerprint: string;
  readonly name: string;
  readonly platform: string;
  readonly agent_version: string;
  readonly method: string;
  readonly provider: string | null;
  readonly created_at: number;
  readonly last_seen_at: number | null;
}

interface Pricing {
  readonly prompt: string;
  readonly completion: string;
  readonly input_cache_read?: string;
}

export interface Model {
  readonly id: string;
  readonly owned_by: string;
  readonly context_length?: number;
  readonly pricing?: Pricing;
  readonly availability: {
    readonly status: string;
    readonly providers: number;
    readonly warm: number;
    readonly free_slots: number;
  };
}

/** What the coordinator thinks of an owner's machine. */
/** An owner's pause of a machine at the coordinator. */
export interface MachinePause {
  readonly until: number | null;
  readonly reason: string | null;
}

export interface MachineDetail {
  readonly paused?: MachinePause | null;
  /** A line on each of its models: what stops it, or who goes before it. */
  readonly advice?: readonly string[];
  readonly last_hour?: {
    readonly picked: number;
    readonly lost: number;
    readonly share: number | null;
    readonly failed: number;
    readonly late: number;
  };
  readonly last_request?: { readonly created_at: number } | null;
}

export interface EnrolmentToken {
  readonly id: string;
  readonly status: "unused" | "used" | "revoked" | "expired";
  readonly note: string;
  readonly created_at: number;
  readonly expires_at: number;
}

interface Price {
  readonly input_micro_usd: number;
  readonly output_micro_usd: number;
  readonly cached_input_micro_usd: number;
}

/** A model or an alias as the operator's list tells of it; prices are micro-USD per million tokens. */
export interface AdminModel {
  readonly id: string;
  readonly kind: "build" | "alias";
  readonly builds: readonly string[];
  readonly providers: { readonly serving: number; readonly all: number };
  readonly slots: { readonly used: number; readonly all: number };
  readonly queued: number;
  /** `false` = it is switched off. */
  readonly enabled?: boolean;
  readonly prices: { readonly platform: Price; readonly cheapest: Price; readonly dearest: Price } | null;
}
