import type { ProviderId } from "@hearth/protocol";

/** What selection needs to know of a request; everything else about it stays above. */
export interface Traits {
  /** The build to serve, as providers advertise it. */
  readonly model: string;
  readonly shape: Shape;
  readonly promptTokens: number;
  /** Bound on the answer, tokens: the caller's, or the default. */
  readonly maxTokens: number;
  /** The caller's account. */
  readonly account: string;
  /** Only these providers may serve; absent = all. */
  readonly allowlist: ReadonlySet<ProviderId> | undefined;
  /** `self`: only the caller's own machines. `prefer`: those first. */
  readonly route: "any" | "self" | "prefer";
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
