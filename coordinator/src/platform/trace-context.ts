import { hash } from "node:crypto";

/** Where a request stands in somebody's trace (W3C Trace Context, level 1). */
export interface TraceContext {
  /** 32 hex digits, not all 0. */
  readonly traceId: string;
  /** The caller's own span, 16 hex digits; `undefined` = the trace begins here. */
  readonly parentId: string | undefined;
  /** Whether the spans of the trace are wanted. */
  readonly sampled: boolean;
}

/** `version-traceid-parentid-flags`; a version to come may have more behind it. */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const MAX_CHARACTERS = 256;

/** @returns `undefined` for a header that is absent or not well formed, which is passed over as the standard wants it */
export function readTraceparent(header: string | string[] | undefined): TraceContext | undefined {
  if (typeof header !== "string" || header.length > MAX_CHARACTERS) return undefined;
  const [, version, traceId, parentId, flags = "", more] = TRACEPARENT.exec(header) ?? [];
  if (traceId === undefined || parentId === undefined || (version === "00" && more !== undefined)) return undefined;
  return { traceId, parentId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** The header for whoever works for the span with this id. */
export const writeTraceparent = ({ traceId, sampled }: TraceContext, spanId: string): string =>
  `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`;

/** Ids of traces and spans are made of those that requests and attempts have anyway, so that nobody has to keep them. */
export const traceIdOf = (requestId: string): string => hash("sha256", `trace ${requestId}`, "hex").slice(0, 32);
/** @param name of a request, an attempt or a step */
export const spanIdOf = (name: string): string => hash("sha256", `span ${name}`, "hex").slice(0, 16);
