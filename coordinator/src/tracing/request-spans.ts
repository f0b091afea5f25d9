import { type Attributes, type HrTime, SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { spanIdOf, type TraceContext } from "../platform/trace-context.js";
import type { AttemptFacts, Timeline } from "../timeline/request-facts.js";

/** A step of a request, as tracing knows steps. Times are wall-clock ms. */
export interface Span {
  readonly name: string;
  readonly kind: SpanKind;
  readonly id: string;
  readonly parentId: string | undefined;
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Attributes;
  readonly failed: string | undefined;
}

/** What OpenTelemetry's conventions for generative AI (1.38) call what a route does. */
const OPERATIONS: Readonly<Record<string, string>> = {
  "/v1/chat/completions": "chat",
  "/v1/messages": "chat",
  "/v1/responses": "chat",
  "/v1/completions": "text_completion",
  "/v1/embeddings": "embeddings",
};

/**
 * The spans of a request that is over: itself, its admission, each attempt, and what its consumer got. Names, codes and
 * numbers as in its timeline, and nothing of what was said.
 */
export function spansOf(timeline: Timeline, { parentId }: Pick<TraceContext, "parentId">): readonly Span[] {
  const { id, atMs, facts } = timeline;
  const root: Span = {
    name: `${operationOf(timeline)} ${facts.model}`.trim(),
    kind: SpanKind.SERVER,
    id: spanIdOf(id),
    parentId,
    startMs: atMs,
    endMs: atMs + facts.totalMs,
    attributes: rootAttributes(timeline),
    failed: facts.outcome === "success" ? undefined : (facts.code ?? facts.outcome),
  };
  const { dispatch } = facts;
  if (dispatch === undefined) return [root];
  const step = (name: string, fromMs: number, toMs: number, attributes: Attributes = {}): Span => ({
    name,
    kind: SpanKind.INTERNAL,
    id: spanIdOf(`${id} ${name}`),
    parentId: root.id,
    startMs: atMs + fromMs,
    endMs: atMs + Math.max(fromMs, toMs),
    attributes,
    failed: undefined,
  });
  const parsedMs = dispatch.parseUs / 1_000;
  const spans = [root, step("admit", parsedMs, parsedMs + dispatch.admitMs, { "hearth.queued_ms": dispatch.queuedMs })];
  for (const attempt of dispatch.attempts) spans.push(attemptSpan(attempt, timeline, root.id));
  if (dispatch.firstContentMs !== undefined) spans.push(step("relay", dispatch.firstContentMs, facts.totalMs));
  return spans;
}

const operationOf = ({ endpoint }: Timeline): string => OPERATIONS[endpoint] ?? "chat";

function rootAttributes(timeline: Timeline): Attributes {
  const { id, account, keyId, endpoint, facts } = timeline;
  const { dispatch } = facts;
  return {
    "gen_ai.operation.name": operationOf(timeline),
    "gen_ai.provider.name": "hearth",
    "gen_ai.request.model": facts.model,
    ...(dispatch?.winner === undefined ? {} : { "gen_ai.response.model": dispatch.winner.model }),
    ...(dispatch === undefined
      ? {}
      : {
          "gen_ai.usage.input_tokens": dispatch.promptTokens,
          "gen_ai.usage.output_tokens": dispatch.completionTokens,
          "hearth.attempts": dispatch.attempts.length,
        }),
    ...(facts.code === undefined ? {} : { "error.type": facts.code }),
    "http.route": endpoint,
    "hearth.request.id": id,
    "hearth.account": account,
    "hearth.key": keyId,
    "hearth.outcome": facts.outcome,
    ...(facts.stream === undefined ? {} : { "hearth.stream": facts.stream }),
  };
}

function attemptSpan(attempt: AttemptFacts, { atMs, facts }: Timeline, parentId: string): Span {
  const { result } = attempt;
  const endedMs = attempt.endedMs ?? facts.totalMs;
  const code = result?.type === "failed" ? result.code : undefined;
  return {
    name: `attempt ${attempt.role}`,
    kind: SpanKind.CLIENT,
    id: spanIdOf(attempt.id),
    parentId,
    startMs: atMs + attempt.startedMs,
    endMs: atMs + Math.max(endedMs, attempt.startedMs),
    attributes: {
      "gen_ai.request.model": attempt.model,
      "hearth.attempt.id": attempt.id,
      "hearth.attempt.role": attempt.role,
      "hearth.attempt.result": result?.type ?? "running",
      "hearth.attempt.expected_ms": attempt.expectedMs,
      "hearth.provider.id": attempt.provider,
      ...(attempt.firstContentMs === undefined
        ? {}
        : { "hearth.attempt.first_content_ms": attempt.firstContentMs - attempt.startedMs }),
      ...(result?.type === "cancelled" ? { "hearth.attempt.cancelled": result.reason } : {}),
      ...(code === undefined ? {} : { "error.type": code }),
    },
    failed: code,
  };
}

/** Seconds and nanoseconds. */
export function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.round((ms - seconds * 1_000) * 1e6)];
}

export const statusOf = ({ failed }: Span) =>
  failed === undefined ? { code: SpanStatusCode.UNSET } : { code: SpanStatusCode.ERROR, message: failed };
