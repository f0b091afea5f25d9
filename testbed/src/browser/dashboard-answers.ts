import { CONFIG_SCRIPT } from "./dashboard-config-answers.js";
import type { Script, Told } from "./dashboard-server.js";

export const list = (data: readonly unknown[]): Told => ({
  body: { object: "list", data, last_id: null, has_more: false },
});
const AT = Date.parse("2026-01-05T09:00:00Z");

export type Facts = Readonly<Record<string, unknown>>;

export const OPERATOR: Facts = {
  ...{ account: "operator", key_id: "admin", scopes: ["admin", "read", "inference", "provider"], role: "operator" },
  expires_at: "2026-01-05T21:00:00Z",
};

/** A machine; every seventh is not serving, and every fiftieth has a crashed model. */
export function machine(n: number): Facts {
  const account = n % 3 === 0 ? "anna" : "ben";
  const status = n % 21 === 20 ? "offline" : n % 7 === 6 ? "draining" : "serving";
  const isCrashed = n % 50 === 49;
  const running = status === "serving" && !isCrashed ? (n * 7) % 5 : 0;
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
          state: isCrashed ? "crashed" : "running",
          running,
          queued: 0,
          max_concurrency: 4,
          decode_tps: 41.2,
        },
        in_flight: running,
      },
    ],
  };
}

export function requestOf(n: number): Facts {
  const outcome = n % 9 === 8 ? "failed" : n % 7 === 6 ? "cancelled" : "success";
  return {
    id: `req_${String(n).padStart(4, "0")}aa21bd07`,
    created_at: Math.floor((AT - n * 4_000) / 1_000),
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

export const SECONDS: number = AT / 1_000;

export const keyOf = (n: number): Facts => ({
  ...{
    id: `key_${n}`,
    object: "api_key",
    account: n % 2 === 0 ? "ben" : "anna",
    name: ["app", "laptop", "batch"][n % 3],
  },
  ...{ prefix: `hk-Ab${n}x`, status: n % 5 === 4 ? "revoked" : "active", scopes: ["inference"], allowed_models: null },
  self_route_only: false,
  limits: {
    ...{ requests_per_minute: n % 2 === 0 ? 60 : null, tokens_per_minute: null, concurrency: null },
    budget: n % 3 === 0 ? { micro_usd: 10_000_000, reset: "monthly" } : null,
  },
  ...{
    tags: n % 2 === 0 ? { team: "search" } : {},
    created_at: SECONDS - n * 86_400,
    expires_at: null,
    revoked_at: null,
  },
});

export const issue = ({ body }: { readonly body: Facts }): Told => ({
  status: 201,
  body: { ...keyOf(0), ...body, id: "key_new", key: "hk-secret-shown-once" },
});

const account = (id: string, status = "active"): Facts => ({
  ...{
    id,
    object: "account",
    name: id === "ben" ? "Ben & Co" : "",
    parent: null,
    budget: "own",
    concurrency: null,
    status,
  },
  ...{ created_at: SECONDS - 8_640_000, suspended_at: null },
});

export const BALANCE: Facts = {
  ...{ object: "balance", account: "ben", available_micro_usd: 12_345_678, pending_payouts_micro_usd: 2_000_000 },
  credit: { balance_micro_usd: 10_000_000, reserved_micro_usd: 120_000 },
  earned: { balance_micro_usd: 2_465_678, reserved_micro_usd: 0 },
};

export const payout = (n: number, status: string): Facts => ({
  ...{ id: `po_${n}`, object: "payout", account: "anna", amount_micro_usd: n * 1_500_000, status },
  ...{ reason: status === "paid" ? "transfer 4711" : null, requested_at: SECONDS - n * 86_400, changed_at: SECONDS },
});

const EXPLANATION: Facts = {
  ...{ object: "list", model: "qwen3-8b", plan: ["qwen3-8b"], left_out: 0 },
  data: [
    {
      ...{
        provider: "prv_000012f3a9",
        name: "mac-12",
        model: "qwen3-8b",
        eligible: true,
        gates: [],
        rank: 1,
        probe: "none",
      },
      ...{ terms: { ttft: 410, queue: 0, pending: 0, output: 2_600, health: 310, reputation: 40 }, total_ms: 3_360 },
    },
    {
      ...{ provider: "prv_000002f3a9", name: "mac-2", model: "qwen3-8b", eligible: false, rank: null, probe: "none" },
      gates: [{ gate: "version_floor", words: "runs an agent that is too old", remedy: "update the agent" }],
      ...{ terms: { ttft: 500, output: 2_600 }, total_ms: 3_100 },
    },
  ],
};

const PROVIDER_DETAIL: Facts = {
  ...machine(12),
  ...{ notes: "In the basement.", distrusted_ms: 0 },
  eligibility: [{ model: "qwen3-8b", eligible: true, gates: [], total_ms: 3_360 }],
  recent_requests: [requestOf(0), requestOf(2), requestOf(8)],
};

const auditEntry = (n: number): Facts => ({
  ...{ id: `aud_${n}`, created_at: Math.floor((AT - n * 60_000) / 1_000), key_id: "admin", account: "operator" },
  ...{
    method: n % 2 === 0 ? "POST" : "PATCH",
    route: n % 2 === 0 ? "/admin/providers/:id/drain" : "/admin/keys/:id",
    target: "prv_000012f3a9",
    status: 200,
  },
});

const PRICE: Facts = { input_micro_usd: 200_000, output_micro_usd: 600_000, cached_input_micro_usd: 100_000 };

const adminModel = (id: string): Facts => ({
  ...{ id, object: "admin.model", kind: "build", builds: [id], aliases: [], listed: true, availability: "ready" },
  ...{ providers: { serving: 18, all: 23 }, slots: { used: 31, all: 72 }, queued: id === "qwen3-8b" ? 0 : 4 },
  enabled: id === "qwen3-8b",
  prices: { platform: PRICE, cheapest: PRICE, dearest: { ...PRICE, output_micro_usd: 900_000 } },
});

/** What an operator's page asks for. */
export function operatorScript(machines: number): Script {
  const providers = Array.from({ length: machines }, (_, n) => machine(n));
  return {
    ...CONFIG_SCRIPT,
    "GET /dashboard/session": () => ({ body: OPERATOR }),
    "DELETE /dashboard/session": () => ({ body: { object: "session", deleted: true } }),
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
    "GET /admin/providers/prv_000012f3a9": () => ({ body: PROVIDER_DETAIL }),
    "POST /admin/providers/prv_000012f3a9/drain": () => ({ body: {} }),
    "GET /admin/requests": () => list(Array.from({ length: 80 }, (_, n) => requestOf(n))),
    [`GET /admin/requests/${DETAIL["id"]}`]: () => ({ body: DETAIL }),
    "GET /admin/models": () => list(["qwen3-8b", "llama-3.3-70b"].map(adminModel)),
    "POST /admin/explain": () => ({ body: EXPLANATION }),
    "GET /admin/breaker": () => list(BREAKER),
    "POST /admin/breaker/clear": () => ({ body: { cleared: 1 } }),
    "GET /admin/queue": () => list([{ model: "llama-3.3-70b", waiting: 4, limit: 64, oldest_ms: 2_100 }]),
    "GET /admin/accounts": () => list([account("anna"), account("ben"), account("mallory", "suspended")]),
    "GET /admin/accounts/ben": () => ({ body: account("ben") }),
    "GET /admin/accounts/ben/balance": () => ({ body: BALANCE }),
    "GET /admin/accounts/ben/keys": () => list([keyOf(0), keyOf(4)]),
    "POST /admin/accounts/ben/keys": issue,
    "GET /admin/keys": () => list(Array.from({ length: 9 }, (_, n) => keyOf(n))),
    "DELETE /admin/keys/key_0": () => ({ body: { id: "key_0", object: "api_key", deleted: true } }),
    "POST /admin/keys/key_0/rotate": issue,
    "GET /admin/payouts": () => list([payout(1, "requested"), payout(2, "paid"), payout(3, "failed")]),
    "GET /admin/audit": () => list(Array.from({ length: 20 }, (_, n) => auditEntry(n))),
  };
}
