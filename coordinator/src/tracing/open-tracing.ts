import { readTraceparent, type TraceContext, traceIdOf } from "../platform/trace-context.js";
import type { EndedWatcher } from "../timeline/recent-requests.js";
import { spansOf } from "./request-spans.js";
import type { TracingSettings } from "./settings.js";

/** Traces of requests, made of their timelines when they are over: nothing of it stands in their way. */
export interface Tracing {
  /** Where a request stands in whose trace; `undefined` = nobody traces it. */
  traceOf(traceparent: string | string[] | undefined, requestId: string): TraceContext | undefined;
  /** Sends what waits. Never rejects. */
  stop(): Promise<void>;
}

/** Tells of each request that is over, from now on. */
export interface TracedRequests {
  watch(ended: EndedWatcher): Disposable;
}

/**
 * Starts to trace. Without settings nothing is sent, and what callers say of their traces is passed on all the same. The
 * libraries are loaded only where they are used.
 */
export async function openTracing(settings: TracingSettings | undefined, requests: TracedRequests): Promise<Tracing> {
  if (settings === undefined) return { traceOf: readTraceparent, stop: () => Promise.resolve() };
  const { openSpanExport } = await import("./export-spans.js");
  const spans = openSpanExport(settings);
  const watching = requests.watch((ended) => {
    if (ended.trace?.sampled) spans.send(ended.trace, spansOf(ended, ended.trace));
  });
  return {
    traceOf: (traceparent, requestId) => readTraceparent(traceparent) ?? beginTrace(requestId, settings.ratio),
    stop() {
      watching[Symbol.dispose]();
      return spans.close();
    },
  };
}

/** The bits of a trace's id that chance decides by, as in OpenTelemetry's sampler by ratio. */
const RANDOM_BITS = 56;

function beginTrace(requestId: string, ratio: number): TraceContext {
  const traceId = traceIdOf(requestId);
  const chance = Number.parseInt(traceId.slice(-RANDOM_BITS / 4), 16) / 2 ** RANDOM_BITS;
  return { traceId, parentId: undefined, sampled: chance < ratio };
}
