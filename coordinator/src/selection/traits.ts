import type { BackendDialect, ProviderId, TrustLevel } from "@hearth/protocol";

/** What selection needs to know of a request. */
export interface Traits {
  /** The build to serve, as providers advertise it. */
  readonly model: string;
  readonly shape: Shape;
  /** The shape to fall back to if no provider can ever serve `shape`. Absent = there is none. */
  readonly otherwise?: Shape | undefined;
  /** The request needs a backend that speaks this natively. Absent = any that chats. */
  readonly dialect?: BackendDialect | undefined;
  /** The answer has to follow a JSON schema. */
  readonly structuredOutput?: boolean | undefined;
  /** The answer has to carry the probabilities of its tokens. */
  readonly logprobs?: boolean | undefined;
  readonly promptTokens: number;
  /** The lower bound of the prompt's size, tokens. It is refused as too long only by this. */
  readonly leastPromptTokens: number;
  /** The conversation that it belongs to. Absent = none. */
  readonly conversation?: Conversation | undefined;
  /** Bound on the answer, tokens: the caller's, or the default. */
  readonly maxTokens: number;
  /** The caller's account. */
  readonly account: string;
  /** Only these providers may serve; absent = all. */
  readonly allowlist: ReadonlySet<string> | undefined;
  /** `self`: only the caller's own machines. `prefer`: these first. */
  readonly route: "any" | "self" | "prefer";
  /** The lowest trust level that the caller accepts. Absent = the operator's. */
  readonly minTrust?: TrustLevel | undefined;
}

/** A provider that a request was sent to, as it was at that time. */
export interface PastAttempt {
  readonly connectedAt: number;
  readonly agentVersion: string;
  readonly backend: string | undefined;
  readonly contextLength: number | undefined;
  /** What became of the attempt. */
  readonly state: "running" | "failed" | "refused_before_work";
  readonly times: number;
}

/** Identifies a conversation without revealing what was said. */
export interface Conversation {
  /** Digest of its account, model and first words, or of the name that the consumer gave it. */
  readonly id: string;
  /** It has had an answer before, so a machine may have its beginning in the cache. */
  readonly continued: boolean;
}

/** The earlier attempts of a request. */
export type AttemptHistory = ReadonlyMap<ProviderId, PastAttempt>;

export const NO_ATTEMPTS: AttemptHistory = new Map();

/** One search for a provider. */
export interface Search {
  readonly traits: Traits;
  readonly history: AttemptHistory;
  /** Only providers count whose first content is expected before this, ms on the coordinator's clock. */
  readonly expectedBefore?: number | undefined;
  /** Only providers count that differ from all that were tried in their program, backend or context. */
  readonly unlikeEarlier?: boolean | undefined;
}

/** What a request asks of chat template and model. The breaker remembers faults by shape. */
export const SHAPES = ["base", "tools", "vision", "tools+vision"] as const;
export type Shape = (typeof SHAPES)[number];

export function shapeOf(needs: { readonly tools: boolean; readonly vision: boolean }): Shape {
  if (needs.tools) return needs.vision ? "tools+vision" : "tools";
  return needs.vision ? "vision" : "base";
}

export const wantsTools = (shape: Shape): boolean => shape === "tools" || shape === "tools+vision";
export const wantsVision = (shape: Shape): boolean => shape === "vision" || shape === "tools+vision";
