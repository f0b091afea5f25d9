import type { BackendDialect, ProviderId, TrustLevel } from "@hearth/protocol";

/** What selection needs to know of a request; everything else about it stays above. */
export interface Traits {
  /** The build to serve, as providers advertise it. */
  readonly model: string;
  readonly shape: Shape;
  /** Only a backend that speaks this natively can serve it; absent = any that chats. */
  readonly dialect?: BackendDialect | undefined;
  readonly promptTokens: number;
  /** Bound on the answer, tokens: the caller's, or the default. */
  readonly maxTokens: number;
  /** The tool schemas were repaired here, so that an agent too old to do it will do, if no newer one is to be had. */
  readonly toolsRepaired: boolean;
  /** The caller's account. */
  readonly account: string;
  /** Only these providers may serve; absent = all. */
  readonly allowlist: ReadonlySet<string> | undefined;
  /** `self`: only the caller's own machines. `prefer`: those first. */
  readonly route: "any" | "self" | "prefer";
  /** Least trust level that the caller accepts; absent = the operator's. */
  readonly minTrust?: TrustLevel | undefined;
}

/** What selection is told about the attempts that went before, within one request. */
export interface Tried {
  readonly providers: ReadonlySet<ProviderId>;
  /** Agent versions that failed: another is preferred, never insisted on. */
  readonly failedVersions: ReadonlySet<string>;
}

export const NOTHING_TRIED: Tried = { providers: new Set(), failedVersions: new Set() };

/** What a request asks of a chat template and a model: faults are remembered per shape. */
export const SHAPES = ["base", "tools", "vision", "tools+vision"] as const;
export type Shape = (typeof SHAPES)[number];

export function shapeOf(needs: { readonly tools: boolean; readonly vision: boolean }): Shape {
  if (needs.tools) return needs.vision ? "tools+vision" : "tools";
  return needs.vision ? "vision" : "base";
}

export const wantsTools = (shape: Shape): boolean => shape === "tools" || shape === "tools+vision";
export const wantsVision = (shape: Shape): boolean => shape === "vision" || shape === "tools+vision";
