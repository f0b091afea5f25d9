import type { Script, Told } from "./dashboard-server.js";

const list = (data: readonly unknown[]): Told => ({ body: { object: "list", data, last_id: null, has_more: false } });
const AT = Date.parse("2026-01-05T09:00:00Z");

type Facts = Readonly<Record<string, unknown>>;

export const OPERATOR: Facts = {
  ...{ account: "operator", key_id: "admin", scopes: ["admin", "read", "inference", "provider"], role: "operator" },
  expires_at: "2026-01-05T21:00:00Z",
};

/** A machine; every seventh is not serving, and every fiftieth has a crashed model. */
function machine(n: number): Facts {
  const account = n % 3 === 0 ? "anna" : "ben";
  const status = n % 21 === 20 ? "offline" : n % 7 === 6 ? "draining" : "serving";
  const running = status === "serving" ? (n * 7) % 5 : 0;
  return {
    id: `prv_${String(n).padStart(6, "0")}f3a9`,
    name: `mac-${n}`,
    account,
    status,
    trust: ["none", "self_attested", "hardware"][n % 3],
    agent_version: `0.${n % 2}.0`,
    hardware: {
      platform: "darwin",
      arch: "arm64",
      chip: `Apple M${(n % 4) + 1} Max`,
      cpu_cores: 12,
      memory_bytes: ((n % 4) + 1) * 2 ** 35,
    },
    vitals: { memory_free_bytes: 2 ** 33, memory_pressure: 0.31, cpu_load: 0.4, gpu_load: 0.8, thermal: "nominal" },
    reputation: { score: 100 - (n % 13), reasons: n % 13 === 0 ? {} : { late: { count: n % 13, ms: 220 } } },
    connected_ms: n * 61_000,
    heartbeat_age_ms: 2_300,
    backlog_bytes: 0,
    models: [
      {
        ...{ id: n % 2 === 0 ? "qwen3-8b" : "llama-3.3-70b", context_length: 32_768, quantization: "Q4_K_M" },
        backend: { kind: "llama.cpp", version: "b6123" },
        capabilities: { tools: true },
        slot: {
          model: "x",
          state: n % 50 === 49 ? "crashed" : "running",
          running,
          queued: 0,
          max_concurrency: 4,
          decode_tps: 41.2,
        },
        in_flight: running,
        gates: n % 50 === 49 ? [{ gate: "slot_crashed", words: "the model has crashed there" }] : [],
      },
    ],
  };
}

function requestOf(n: number): Facts {
  const outcome = n % 9 === 8 ? "failed" : n % 7 === 6 ? "cancelled" : "success";
  return {
    id: `req_${String(n).padStart(4, "0")}aa21bd07`,
    created_at: new Date(AT - n * 4_000).toISOString(),
    ...{
      account: n % 2 === 0 ? "ben" : "anna",
      key_id: "key_1",
      endpoint: "/v1/chat/completions",
      dialect: "chat_completions",
    },
    ...{
      model: n % 2 === 0 ? "qwen3-8b" : "llama-3.3-70b",
      build: "qwen3-8b",
      provider: `prv_${String(n % 40).padStart(6, "0")}f3a9`,
    },
    ...{ outcome, code: outcome === "failed" ? "connection_lost" : null, attempts: (n % 3) + 1, stream: true },
    ...{
      prompt_tokens: 1_800 + n,
      completion_tokens: 240 + n,
      cost_micro_usd: 1_230 + n,
      ttft_ms: 340 + n * 3,
      total_ms: 4_800 + n,
      queued_ms: n % 4 === 0 ? 900 : 0,
    },
  };
}

export const DETAIL: Facts = {
  ...requestOf(0),
  ...{ total_ms: 6_400, ttft_ms: 3_300, queued_ms: 900 },
  timings: { parse_ms: 0.4, admit_ms: 6 },
  attempts: [
    {
      ...{
        id: "att_1",
        provider: "prv_000007f3a9",
        model: "qwen3-8b",
        role: "primary",
        started_ms: 920,
        route_ms: 0.3,
      },
      ...{
        first_content_ms: null,
        ended_ms: 2_900,
        result: "failed",
        code: "connection_lost",
        reason: "the machine went away",
      },
      ...{ expected_ms: 800, prompt_tokens: 0, completion_tokens: 0 },
      chosen: { terms: { ttft: 620, queue: 0, pending: 750, output: 2_400, reputation: 110 } },
    },
    {
      ...{
        id: "att_2",
        provider: "prv_000012f3a9",
        model: "qwen3-8b",
        role: "backup",
        started_ms: 2_300,
        route_ms: 0.2,
      },
      ...{ first_content_ms: null, ended_ms: 3_350, result: "cancelled", code: null, reason: "another answered first" },
    },
    {
      ...{
        id: "att_3",
        provider: "prv_000021f3a9",
        model: "qwen3-8b",
        role: "primary",
        started_ms: 2_910,
        route_ms: 0.2,
      },
      ...{
        first_content_ms: 3_300,
        ended_ms: 6_400,
        result: "success",
        code: null,
        reason: null,
        completion_tokens: 240,
      },
      chosen: { terms: { ttft: 410, queue: 0, pending: 0, output: 2_600, reputation: 0 } },
    },
  ],
  not_tried: [{ model: "llama-3.3-70b", reason: "answered_before" }],
};

const snapshotOf = (n: number): Facts => ({
  ...{ providers: { serving: 42, draining: 3, offline: 2 }, in_flight: 61 + (n % 9), queued: n % 5 },
  ...{ requests_per_second: 18.4 + Math.sin(n / 5) * 4, tokens_per_second: 2_840 + Math.cos(n / 4) * 320 },
  ttft_ms: { p50: 340 + (n % 7) * 12, p95: 1_250 + (n % 5) * 90, p99: 2_600 + (n % 3) * 200 },
  errors: [
    { code: "connection_lost", count: 7 },
    { code: "deadline_passed", count: 3 },
    { code: "backend_error", count: 1 },
  ],
});

const BREAKER = [
  {
    provider: "prv_000007f3a9",
    model: "qwen3-8b",
    shape: "base",
    state: "open",
    reason: "connection_lost",
    remaining_ms: 24_000,
    faults: 3,
  },
  {
    provider: "prv_000009f3a9",
    model: "qwen3-8b",
    shape: "tools",
    state: "half_open",
    reason: "backend_error",
    remaining_ms: 0,
    faults: 2,
  },
  {
    provider: "prv_000011f3a9",
    model: "llama-3.3-70b",
    shape: "base",
    state: "capacity",
    reason: "capacity",
    remaining_ms: 11_000,
    faults: 0,
  },
];

/** What an operator's page asks for. */
export function operatorScript(machines: number): Script {
  const providers = Array.from({ length: machines }, (_, n) => machine(n));
  return {
    "GET /dashboard/session": () => ({ body: OPERATOR }),
    "DELETE /dashboard/session": () => ({ status: 204 }),
    "GET /admin/live": () => ({
      events: [
        ...Array.from({ length: 40 }, (_, n) => ({ event: "snapshot", data: snapshotOf(n) })),
        ...Array.from({ length: 12 }, (_, n) => ({ event: "request", data: requestOf(12 - n) })),
      ],
    }),
    "GET /admin/providers": ({ query }) => {
      const limit = Number(query.get("limit") ?? 100);
      const from = providers.findIndex(({ id }) => id === query.get("after")) + 1;
      const data = providers.slice(from, from + limit);
      return {
        body: { object: "list", data, last_id: data.at(-1)?.["id"] ?? null, has_more: from + limit < machines },
      };
    },
    "GET /admin/requests": () => list(Array.from({ length: 80 }, (_, n) => requestOf(n))),
    [`GET /admin/requests/${DETAIL["id"]}`]: () => ({ body: DETAIL }),
    "GET /admin/breaker": () => list(BREAKER),
    "POST /admin/breaker/clear": () => ({ body: { cleared: 1 } }),
    "GET /admin/queue": () => list([{ model: "llama-3.3-70b", waiting: 4, limit: 64, oldest_ms: 2_100 }]),
  };
}
