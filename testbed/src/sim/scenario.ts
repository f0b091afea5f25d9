import type { ErrorFrame, Usage, WorkingScope, WorkingSign } from "@hearth/protocol";

// A scenario is plain data: everything that chance decides about a run, so that a run can be repeated, and made smaller
// by leaving parts of it out.

/** How long a request for the alias `best` waits, ms: less than others. */
export const ALIAS_PATIENCE_MS = 150_000;

/** What a provider does next on one stream. */
export type Act =
  | { readonly type: "working"; readonly sign: WorkingSign; readonly counter: number; readonly scope?: WorkingScope }
  /** A role-only delta. */
  | { readonly type: "role" }
  /** A preamble of many bytes. */
  | { readonly type: "bulky_preamble"; readonly bytes: number }
  | { readonly type: "comment" }
  /** Content events in one frame. */
  | { readonly type: "content"; readonly events: number; readonly bytes: number }
  | { readonly type: "finish" }
  | { readonly type: "usage" }
  /** `[DONE]`, in the frame with the final flag. */
  | { readonly type: "done" }
  /** An empty frame with the final flag. */
  | { readonly type: "final" }
  /** One of the parts that a whole answer's body comes in; the final flag is on the last. */
  | { readonly type: "part"; readonly nth: number; readonly of: number; readonly bytes: number }
  | { readonly type: "complete"; readonly usage: Usage }
  | { readonly type: "error"; readonly frame: Omit<ErrorFrame, "type" | "stream">; readonly body: boolean }
  /** An error inside the HTTP 200. */
  | { readonly type: "wrapped_error"; readonly status: number | undefined }
  | { readonly type: Misdeed }
  | { readonly type: "unknown_control" }
  /** The process dies. */
  | { readonly type: "crash" }
  /** The network swallows everything from now on, both ways, without a word. */
  | { readonly type: "half_open" };

/** What no agent may do. */
export type Misdeed =
  | "duplicate_frame"
  | "skipped_seq"
  | "reordered_frames"
  | "corrupt_frame"
  | "plaintext_frame"
  | "partial_event"
  | "garbage"
  | "foreign_stream"
  | "negative_usage"
  | "overlong_frame";

export interface Step {
  readonly afterMs: number;
  readonly act: Act;
}

/** One stream as a provider will serve it: when the steps are over it falls silent. */
export interface AttemptPlan {
  readonly steps: readonly Step[];
  readonly onCancel: "confirm" | "carry_on" | "stop";
}

/** What happens to a provider as a whole. */
export type Disruption = { readonly atMs: number } & (
  | { readonly type: "crash"; readonly downMs: number }
  | { readonly type: "half_open"; readonly downMs: number }
  /** Comes back on a new socket while the old one still seems to be there. */
  | { readonly type: "reconnect" }
  /** Finishes what runs, takes nothing new, goes, and comes back. */
  | { readonly type: "drain"; readonly downMs: number }
  | { readonly type: "upgrade"; readonly version: string }
  | { readonly type: "slot"; readonly state: "reloading" | "crashed"; readonly forMs: number }
  | { readonly type: "thermal"; readonly forMs: number }
  /** Its owner uses the machine too. */
  | { readonly type: "own_work"; readonly forMs: number }
  /** It loses one of its models. */
  | { readonly type: "unload"; readonly forMs: number }
  /** The coordinator asks it to go, and to come back. */
  | { readonly type: "go_away"; readonly backAfterMs: number }
);

export interface ModelPlan {
  readonly id: string;
  readonly concurrency: number;
  readonly vision: boolean;
  /** What it says that it takes, and what it does take, tokens. */
  readonly context: { readonly told: number; readonly real: number };
  /** What it tells of its rate, tokens a second. */
  readonly prefillTps: number | undefined;
  /** It is loaded by the first request for it. */
  readonly cold: boolean;
}

export interface ProviderPlan {
  readonly index: number;
  readonly models: readonly ModelPlan[];
  readonly version: string;
  readonly account: string;
  readonly connectAtMs: number;
  readonly latencyMs: number;
  readonly jitterMs: number;
  readonly heartbeatMs: number;
  /** It serves such requests like this, whoever asks, until the fleet is healed. */
  readonly habit: Habit | undefined;
  readonly disruptions: readonly Disruption[];
}

export interface Habit {
  readonly fromMs: number;
  readonly shapes: "all" | "tools" | "vision";
  readonly plan: AttemptPlan;
}

export interface RequestPlan {
  readonly index: number;
  readonly atMs: number;
  readonly model: string;
  readonly tools: boolean;
  readonly vision: boolean;
  readonly promptTokens: number;
  readonly maxTokens: number;
  readonly bodyBytes: number;
  readonly account: string;
  readonly route: "any" | "self" | "prefer";
  /** Indexes of the only providers that may serve. */
  readonly allowlist: readonly number[] | undefined;
  /** Its answer comes as a whole. */
  readonly whole: boolean;
  /** Every backend fails at it, and says this. */
  readonly poison: number | undefined;
  /** How long its consumer asks to wait; absent = it does not say. */
  readonly patienceMs: number | undefined;
  readonly consumer: ConsumerPlan;
  /** How its first, second and third attempt go, whoever serves them. */
  readonly attempts: readonly AttemptPlan[];
}

export interface ConsumerPlan {
  readonly hangUpAfterMs: number | undefined;
  /** The coordinator shuts down around it. */
  readonly shutDownAfterMs: number | undefined;
  /** It is slow once, at this write. */
  readonly slow: { readonly atWrite: number; readonly forMs: number; readonly cut: boolean } | undefined;
}

export interface Scenario {
  readonly seed: number;
  readonly providers: readonly ProviderPlan[];
  readonly requests: readonly RequestPlan[];
  /** For a while, everything that providers do takes this many times as long. */
  readonly slowdown: { readonly fromMs: number; readonly toMs: number; readonly factor: number } | undefined;
  /** From now on nothing goes wrong any more. */
  readonly healAtMs: number;
}
