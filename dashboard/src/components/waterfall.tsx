import type { ReactNode } from "react";
import type { AttemptDetail, RequestDetail } from "../api/types.js";
import { plain } from "../format/codes.js";
import { durationText } from "../format/times.js";
import { placeOf, type SpanKind, ticksOf, type WaterfallRow, waterfallOf } from "../format/waterfall.js";
import { ShortId } from "./request-parts.js";

const KIND_WORDS: Readonly<Record<SpanKind, string>> = {
  admit: "admitting",
  queue: "waiting for room",
  wait: "waiting for content",
  content: "content",
  failed: "failed",
  cancelled: "cancelled",
};

const ROLE_WORDS: Readonly<Record<AttemptDetail["role"], string>> = {
  primary: "first",
  retry: "in its place",
  overtake: "beside a slow one",
  backup: "backup",
};

const LEGEND: readonly SpanKind[] = ["queue", "wait", "content", "failed", "cancelled"];

/** Where a request's time went, attempt by attempt. Each bar is told in words as well. */
export function WaterfallChart({ request }: { readonly request: RequestDetail }): ReactNode {
  const { rows, totalMs } = waterfallOf(request);
  return (
    <div className="waterfall">
      <div className="waterfall-legend">
        {LEGEND.map((kind) => (
          <span key={kind} className="legend">
            <i className={`span-${kind}`} />
            {KIND_WORDS[kind]}
          </span>
        ))}
      </div>
      <div className="waterfall-scale" aria-hidden="true">
        {ticksOf(totalMs).map((tick) => (
          <span key={tick} style={{ left: `${(tick / totalMs) * 100}%` }}>
            {durationText(tick)}
          </span>
        ))}
      </div>
      <ol>
        {rows.map((row) => (
          <Row key={row.id} row={row} totalMs={totalMs} />
        ))}
      </ol>
    </div>
  );
}

function Row({ row, totalMs }: { readonly row: WaterfallRow; readonly totalMs: number }): ReactNode {
  const { attempt, spans } = row;
  return (
    <li>
      <div className="waterfall-label">
        <b>{row.label}</b>
        {attempt === undefined ? null : (
          <span className="muted">
            <ShortId id={attempt.provider} />
            {attempt.role === "primary" ? "" : ` · ${ROLE_WORDS[attempt.role]}`}
          </span>
        )}
      </div>
      <div className="waterfall-track">
        {spans.map((span) => {
          const { left, width } = placeOf(span, totalMs);
          return (
            <span
              key={`${span.kind}${span.fromMs}`}
              className={`waterfall-span span-${span.kind}`}
              style={{ left: `${left}%`, width: `${width}%` }}
              title={`${KIND_WORDS[span.kind]}: ${durationText(span.toMs - span.fromMs)}`}
            />
          );
        })}
      </div>
      <p className="waterfall-words">
        {spans.map((span) => `${KIND_WORDS[span.kind]} ${durationText(span.toMs - span.fromMs)}`).join(", ")}
        {attempt === undefined ? "" : whyOf(attempt)}
      </p>
    </li>
  );
}

function whyOf({ code, reason, expected_ms: expectedMs }: AttemptDetail): string {
  const why = reason ?? (code === null ? undefined : plain(code));
  const expected = expectedMs == null ? "" : ` · content was expected after ${durationText(expectedMs)}`;
  return `${why === undefined ? "" : ` · ${why}`}${expected}`;
}
