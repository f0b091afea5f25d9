import { type SpanContext, TraceFlags } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, type ReadableSpan } from "@opentelemetry/sdk-trace-base";
import type { TraceContext } from "../platform/trace-context.js";
import { VERSION } from "../platform/version.js";
import { hrTime, type Span, statusOf } from "./request-spans.js";
import type { TracingSettings } from "./settings.js";

/** Sends spans to a collector, in batches and in the background. */
export interface SpanExport {
  send(trace: TraceContext, spans: readonly Span[]): void;
  /** Sends what waits. Never rejects. */
  close(): Promise<void>;
}

const SCOPE = { name: "hearth-coordinator", version: VERSION };

/** Opens the way to a collector. The libraries read `OTEL_EXPORTER_OTLP_HEADERS`, `…_TIMEOUT` and `OTEL_BSP_*` themselves. */
export function openSpanExport({ url, serviceName }: Pick<TracingSettings, "url" | "serviceName">): SpanExport {
  const resource = resourceFromAttributes({ "service.name": serviceName, "service.version": VERSION });
  const processor = new BatchSpanProcessor(new OTLPTraceExporter({ url }));
  return {
    send(trace, spans) {
      for (const span of spans) processor.onEnd(readable(trace, span, resource));
    },
    close: () => processor.shutdown().catch(() => {}),
  };
}

function readable(trace: TraceContext, span: Span, resource: ReadableSpan["resource"]): ReadableSpan {
  const contextOf = (spanId: string): SpanContext => ({
    ...{ traceId: trace.traceId, spanId },
    traceFlags: TraceFlags.SAMPLED,
  });
  const { name, kind, attributes, startMs, endMs, parentId } = span;
  const context = contextOf(span.id);
  return {
    ...{ name, kind, attributes, resource },
    spanContext: () => context,
    ...(parentId === undefined ? {} : { parentSpanContext: contextOf(parentId) }),
    startTime: hrTime(startMs),
    endTime: hrTime(endMs),
    duration: hrTime(endMs - startMs),
    status: statusOf(span),
    ...{ links: [], events: [], ended: true, instrumentationScope: SCOPE },
    ...{ droppedAttributesCount: 0, droppedEventsCount: 0, droppedLinksCount: 0 },
  };
}
