import type { BackendDialect, ProviderId, TrustLevel } from "@hearth/protocol";

/** What selection needs to know of a request; everything else about it stays above. */
export interface Traits {
  /** The build to serve, as providers advertise it. */
  readonly model: string;
  readonly shape: Shape;
  /** The shape to look for where nobody ever serves the other one; absent = there is no other way to put it. */
  readonly otherwise?: Shape | undefined;
  /** Only a backend that speaks this natively can serve it; absent = any that chats. */
  readonly dialect?: BackendDialect | undefined;
  /** The answer has to follow a JSON schema. */
  readonly structuredOutput?: boolean | undefined;
  /** The answer has to carry the probabilities of its tokens. */
  readonly logprobs?: boolean | undefined;
  readonly promptTokens: number;
  /** The least that the prompt may come to, tokens: what it is refused for. */
  readonly leastPromptTokens: number;
  /** The conversation that it belongs to; absent = it is known to belong to none. */
  readonly conversation?: Conversation | undefined;
  /** Bound on the answer, tokens: the caller's, or the default. */
  readonly maxTokens: number;
  /** The caller's account. */
  readonly account: string;
  /** Only these providers may serve; absent = all. */
  readonly allowlist: ReadonlySet<string> | undefined;
  /** `self`: only the caller's own machines. `prefer`: those first. */
  readonly route: "any" | "self" | "prefer";
  /** Least trust level that the caller accepts; absent = the operator's. */
  readonly minTrust?: TrustLevel | undefined;
}

/** What a provider was like when a request was sent to it. */
export interface TriedProvider {
  readonly connectedAt: number;
  readonly agentVersion: string;
  readonly backend: string | undefined;
  readonly contextLength: number | undefined;
  /** How it went; `running` = it is at it. */
  readonly state: "running" | "failed" | "refused_before_work";
  readonly times: number;
}

/** What tells a conversation from others, without what was said in it. */
export interface Conversation {
  /** Digest of its account, model and first words, or of the name that the consumer gave it. */
  readonly id: string;
  /** There was an answer before: somebody may hold its prefix. */
  readonly continued: boolean;
}

/** What selection is told about the attempts that went before, within one request. */
export type Tried = ReadonlyMap<ProviderId, TriedProvider>;

export const NOTHING_TRIED: Tried = new Map();

/** What a request looks for. */
export interface Search {
  readonly traits: Traits;
  readonly tried: Tried;
  /** Only one of whom its first content is expected before this counts, ms on the coordinator's clock. */
  readonly expectedBefore?: number | undefined;
  /** Only one that differs from all that were tried, in its program, its backend or its context, counts. */
  readonly unlikeTried?: boolean | undefined;
}

/** What a request asks of a chat template and a model: faults are remembered per shape. */
export const SHAPES = ["base", "tools", "vision", "tools+vision"] as const;
export type Shape = (typeof SHAPES)[number];

export function shapeOf(needs: { readonly tools: boolean; readonly vision: boolean }): Shape {
  if (needs.tools) return needs.vision ? "tools+vision" : "tools";
  return needs.vision ? "vision" : "base";
}

export const wantsTools = (shape: Shape): boolean => shape === "tools" || shape === "tools+vision";
export const wantsVision = (shape: Shape): boolean => shape === "vision" || shape === "tools+vision";
