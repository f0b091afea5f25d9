import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

/** Everything the coordinator counts. Labels come from closed vocabularies only: never a model name, key or account. */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  return {
    registry,
    requests: new Counter({
      name: "hearth_requests_total",
      help: "Requests by how they ended.",
      labelNames: ["result"] as const,
      registers,
    }),
    requestSeconds: new Histogram({
      name: "hearth_request_duration_seconds",
      help: "From admission to settlement.",
      buckets: SECONDS,
      registers,
    }),
    refusals: new Counter({
      name: "hearth_refusals_total",
      help: "Requests refused before dispatch, by error code.",
      labelNames: ["code"] as const,
      registers,
    }),
    attempts: new Counter({
      name: "hearth_attempts_total",
      help: "Attempts by their role and how they ended.",
      labelNames: ["role", "end"] as const,
      registers,
    }),
    gateRejections: new Counter({
      name: "hearth_gate_rejections_total",
      help: "Providers rejected by selection, by the first gate that did.",
      labelNames: ["gate"] as const,
      registers,
    }),
    tokens: new Counter({
      name: "hearth_tokens_total",
      help: "Tokens of successful requests.",
      labelNames: ["kind"] as const,
      registers,
    }),
    providers: new Gauge({ name: "hearth_providers_connected", help: "Registered providers.", registers }),
    openStreams: new Gauge({ name: "hearth_streams_open", help: "Attempts running on providers.", registers }),
    connectionsClosed: new Counter({
      name: "hearth_provider_connections_closed_total",
      help: "Provider connections that ended, by reason.",
      labelNames: ["reason"] as const,
      registers,
    }),
    unknownFrames: new Counter({
      name: "hearth_unknown_frames_total",
      help: "Control frames of a type this version does not know.",
      registers,
    }),
  };
}

export type Metrics = ReturnType<typeof createMetrics>;
