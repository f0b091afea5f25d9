import type { AttemptDetail, RequestDetail } from "../api/types.js";

/** What a stretch of a request's time was spent on. */
export type SpanKind = "admit" | "queue" | "wait" | "content" | "failed" | "cancelled";

export interface Span {
  readonly kind: SpanKind;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface WaterfallRow {
  readonly id: string;
  readonly label: string;
  readonly spans: readonly Span[];
  readonly attempt?: AttemptDetail;
}

export interface Waterfall {
  readonly totalMs: number;
  readonly rows: readonly WaterfallRow[];
}

/** A request's time as rows of bars: what came before any machine, then each attempt. */
export function waterfallOf(
  request: Pick<RequestDetail, "attempts" | "queued_ms" | "total_ms" | "timings">,
): Waterfall {
  const { attempts, queued_ms: queuedMs } = request;
  const ends = attempts.flatMap(({ started_ms, first_content_ms, ended_ms }) => [
    started_ms,
    first_content_ms ?? 0,
    ended_ms ?? 0,
  ]);
  const totalMs = Math.max(1, request.total_ms, queuedMs, ...ends);
  const firstAt = Math.min(totalMs, ...attempts.map(({ started_ms }) => started_ms));
  const admitted = Math.max(0, firstAt - queuedMs);
  const rows: WaterfallRow[] = [
    { id: "admit", label: "Admitted", spans: [{ kind: "admit", fromMs: 0, toMs: admitted }] },
  ];
  if (queuedMs > 0) {
    rows.push({
      id: "queue",
      label: "In the queue",
      spans: [{ kind: "queue", fromMs: admitted, toMs: Math.min(totalMs, admitted + queuedMs) }],
    });
  }
  const tried = attempts.map((attempt, n) => ({
    id: attempt.id,
    label: `Attempt ${n + 1}`,
    spans: spansOf(attempt, totalMs),
    attempt,
  }));
  return { totalMs, rows: [...rows, ...tried] };
}

const UNTIL_CONTENT: Readonly<Record<AttemptDetail["result"], SpanKind>> = {
  success: "wait",
  running: "wait",
  failed: "failed",
  cancelled: "cancelled",
};

function spansOf(
  { started_ms: fromMs, first_content_ms: contentMs, ended_ms, result }: AttemptDetail,
  totalMs: number,
): Span[] {
  const toMs = Math.max(fromMs, ended_ms ?? totalMs);
  const isContent = contentMs !== null && contentMs <= toMs;
  if (!isContent) return [{ kind: UNTIL_CONTENT[result], fromMs, toMs }];
  const afterwards = result === "failed" ? "failed" : result === "cancelled" ? "cancelled" : "content";
  return [
    { kind: "wait", fromMs, toMs: Math.max(fromMs, contentMs) },
    { kind: afterwards, fromMs: Math.max(fromMs, contentMs), toMs },
  ];
}

/** Where a bar stands in its row, in per cent; what took no time that shows still gets a sliver. */
export function placeOf({ fromMs, toMs }: Span, totalMs: number): { readonly left: number; readonly width: number } {
  const left = Math.min(99.5, (fromMs / totalMs) * 100);
  return { left, width: Math.max(0.5, Math.min(100 - left, ((toMs - fromMs) / totalMs) * 100)) };
}

/** Marks of the scale: round numbers, about five of them. */
export function ticksOf(totalMs: number): number[] {
  const rough = totalMs / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough) ?? rough;
  return Array.from({ length: Math.floor(totalMs / step) + 1 }, (_, n) => n * step);
}
