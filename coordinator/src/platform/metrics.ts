import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { MostFrequent } from "./most-frequent.js";
import { VERSION } from "./version.js";

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

/** Machines and kinds of failure of which the most frequent are told, and among how many those are looked for. */
const WORST = { told: 20, among: 500 };

/**
 * Everything the coordinator counts. Labels come from closed vocabularies, and else are the most frequent of their kind:
 * never a model name, key or account.
 */
export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  new Gauge({
    name: "hearth_build_info",
    help: "1, with the version that runs.",
    labelNames: ["version"] as const,
    registers,
  }).set({ version: VERSION }, 1);
  return {
    registry,
    ...httpMetrics(registers),
    ...requestMetrics(registers),
    ...dispatchMetrics(registers),
    ...fleetMetrics(registers),
    ...keepingMetrics(registers),
    failuresOfProviders: failuresOfProviders(registers),
  };
}

export type Metrics = ReturnType<typeof createMetrics>;

/**
 * Shows at 0 what has not happened yet: Prometheus sees no increase in a series that begins with 1, so that nobody would be
 * alarmed by the first time.
 */
function fromZero<L extends string>(counter: Counter<L>, label: L, values: readonly string[]): Counter<L> {
  for (const value of values) counter.labels({ [label]: value } as Record<L, string>).inc(0);
  return counter;
}

/** Adds what is read when somebody looks. */
export function addGauge(
  { registry }: Pick<Metrics, "registry">,
  { name, help, read }: { readonly name: string; readonly help: string; readonly read: () => number | undefined },
): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      const value = read();
      if (value === undefined) this.remove();
      else this.set(value);
    },
  });
}

function httpMetrics(registers: Registry[]) {
  return {
    httpRequests: new Counter({
      name: "hearth_http_requests_total",
      help: "HTTP requests that were answered, but for health checks, by route (or group of routes) and status.",
      labelNames: ["route", "status"] as const,
      registers,
    }),
    httpSeconds: new Histogram({
      name: "hearth_http_request_duration_seconds",
      help: "From a request's head to the end of its answer, streams included, by route (or group of routes).",
      labelNames: ["route"] as const,
      buckets: SECONDS,
      registers,
    }),
  };
}

/** Counts failed attempts by machine and code, and tells the most frequent when somebody looks. */
function failuresOfProviders(registers: Registry[]): MostFrequent<readonly [provider: string, code: string]> {
  const counted = new MostFrequent<readonly [provider: string, code: string]>(WORST.among);
  new Counter({
    name: "hearth_provider_failures_total",
    help: `Failed attempts by machine and code: the ${WORST.told} most frequent pairs.`,
    labelNames: ["provider", "code"] as const,
    registers,
    collect() {
      this.reset();
      for (const { key, count } of counted.top(WORST.told)) this.labels(...key).inc(count);
    },
  });
  return counted;
}

function requestMetrics(registers: Registry[]) {
  return {
    requests: fromZero(
      new Counter({
        name: "hearth_requests_total",
        help: "Requests by how they ended.",
        labelNames: ["result"] as const,
        registers,
      }),
      "result",
      ["success", "failure", "in_band_error", "cancelled"],
    ),
    requestSeconds: new Histogram({
      name: "hearth_request_duration_seconds",
      help: "From admission to settlement.",
      buckets: SECONDS,
      registers,
    }),
    refusals: fromZero(
      new Counter({
        name: "hearth_refusals_total",
        help: "Requests refused before dispatch, by error code.",
        labelNames: ["code"] as const,
        registers,
      }),
      "code",
      ["internal"],
    ),
    answersReplayed: new Counter({
      name: "hearth_answers_replayed_total",
      help: "Repeated requests that got the answer of the first one, by their Idempotency-Key.",
      registers,
    }),
    tokens: new Counter({
      name: "hearth_tokens_total",
      help: "Tokens of successful requests, and completion tokens that were spent on cancelled attempts.",
      labelNames: ["kind"] as const,
      registers,
    }),
  };
}

function dispatchMetrics(registers: Registry[]) {
  return {
    dispatches: new Counter({
      name: "hearth_dispatches_total",
      help: "Attempts by their role and how they ended.",
      labelNames: ["role", "result"] as const,
      registers,
    }),
    speculativeWins: new Counter({
      name: "hearth_speculative_wins_total",
      help: "Requests that their backup won.",
      registers,
    }),
    hedgesSuppressed: new Counter({
      name: "hearth_hedges_suppressed_total",
      help: "Backups that were due and not started, by reason.",
      labelNames: ["reason"] as const,
      registers,
    }),
    gateRejections: new Counter({
      name: "hearth_gate_rejections_total",
      help: "Providers rejected by selection, by the first gate that did. A request that waits counts once.",
      labelNames: ["gate"] as const,
      registers,
    }),
    cooldowns: new Counter({
      name: "hearth_cooldowns_total",
      help: "Cooldowns entered, by kind: faults of a request shape, or capacity refusals.",
      labelNames: ["kind"] as const,
      registers,
    }),
    servedAlthoughOpen: new Counter({
      name: "hearth_served_although_open_total",
      help: "Requests given to a provider whose breaker is open, because nobody else was left.",
      registers,
    }),
    queueDepth: new Gauge({ name: "hearth_queue_depth", help: "Requests that wait for room.", registers }),
    queueSeconds: new Histogram({
      name: "hearth_queue_wait_seconds",
      help: "How long requests waited for room, whatever came of it.",
      buckets: SECONDS,
      registers,
    }),
    ttftSeconds: new Histogram({
      name: "hearth_ttft_seconds",
      help: "From the sending of an attempt to its first content.",
      buckets: SECONDS,
      registers,
    }),
    interChunkSeconds: new Histogram({
      name: "hearth_inter_chunk_seconds",
      help: "Between two content events of an attempt.",
      buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15, 45],
      registers,
    }),
  };
}

function fleetMetrics(registers: Registry[]) {
  return {
    providers: new Gauge({ name: "hearth_providers_connected", help: "Registered providers.", registers }),
    openStreams: new Gauge({ name: "hearth_streams_open", help: "Attempts running on providers.", registers }),
    connectionsClosed: new Counter({
      name: "hearth_provider_connections_closed_total",
      help: "Provider connections that ended, by reason.",
      labelNames: ["reason"] as const,
      registers,
    }),
    connectionsEnded: new Counter({
      name: "hearth_connections_ended_total",
      help: "TCP connections that were ended for want of room or for what their clients did, by reason.",
      labelNames: ["reason"] as const,
      registers,
    }),
    proofs: new Counter({
      name: "hearth_proofs_total",
      help: "Proofs of providers by kind (attestation, challenge, key_update, receipt) and what they were worth.",
      labelNames: ["kind", "outcome"] as const,
      registers,
    }),
    enrolments: new Counter({
      name: "hearth_enrolment_events_total",
      help: "What happened to machines and people at the door: see enrolment/enrolment-events.ts.",
      labelNames: ["event"] as const,
      registers,
    }),
    undigested: fromZero(
      new Counter({
        name: "hearth_provider_input_undigested_total",
        help: "Input of providers that the coordinator's own code threw over, by what it was: a fault of ours to look into.",
        labelNames: ["what"] as const,
        registers,
      }),
      "what",
      ["control", "data", "working", "complete", "error", "receipt", "reply"],
    ),
    rateLimitedFrames: new Counter({
      name: "hearth_provider_frames_over_rate_total",
      help: "Control frames over their kind's rate, each of which closed its connection.",
      labelNames: ["kind"] as const,
      registers,
    }),
    usageClamped: new Counter({
      name: "hearth_usage_clamped_total",
      help: "Usage of providers that cannot be true, by member, counted as the most that can.",
      labelNames: ["kind"] as const,
      registers,
    }),
    unknownFrames: new Counter({
      name: "hearth_unknown_frames_total",
      help: "Control frames of a type this version does not know.",
      registers,
    }),
  };
}

function keepingMetrics(registers: Registry[]) {
  return {
    receiptsLost: new Counter({
      name: "hearth_receipts_lost_total",
      help: "Receipts that could not be kept, because too many waited to be written.",
      registers,
    }),
    usageLost: new Counter({
      name: "hearth_usage_lost_total",
      help: "Records of what requests used that could not be kept, because too many waited to be written.",
      registers,
    }),
    ledgerEvents: fromZero(
      new Counter({
        name: "hearth_ledger_events_total",
        help: "What has become of money that was set aside for requests, and what the store was not there for.",
        labelNames: ["event"],
        registers,
      }),
      "event",
      ["reserved", "posted", "voided", "owed", "lost"],
    ),
    charged: new Counter({
      name: "hearth_charged_micro_usd_total",
      help: "What requests have cost, by who paid: the platform pays what exceeds a reservation.",
      labelNames: ["to"],
      registers,
    }),
    storeFailures: fromZero(
      new Counter({
        name: "hearth_store_failures_total",
        help: "Calls of the store that failed because of its disk, by what is wrong: see platform/health.ts.",
        labelNames: ["trouble"] as const,
        registers,
      }),
      "trouble",
      ["store_not_written", "store_damaged", "store_away"],
    ),
    logLinesLost: new Counter({
      name: "hearth_log_lines_lost_total",
      help: "Lines of the log that could not be written: the disk was full, or nobody read them.",
      registers,
    }),
  };
}
