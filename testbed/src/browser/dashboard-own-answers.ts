import {
  BALANCE,
  DETAIL,
  type Facts,
  issue,
  keyOf,
  list,
  machine,
  OPERATOR,
  payout,
  requestOf,
  SECONDS,
} from "./dashboard-answers.js";
import type { Script } from "./dashboard-server.js";

// What the page of consumers and owners is told.

const CONSUMER: Facts = {
  ...OPERATOR,
  account: "ben",
  key_id: "key_1",
  scopes: ["inference"],
  role: "consumer",
};

const OWNER: Facts = {
  ...OPERATOR,
  account: "anna",
  key_id: "key_2",
  scopes: ["inference", "provider"],
  role: "owner",
};

const model = (id: string): Facts => ({
  ...{ id, object: "model", owned_by: "hearth", context_length: 32_768 },
  pricing: { prompt: "0.0000002", completion: "0.0000006", input_cache_read: "0.0000001" },
  availability: { status: "available", providers: 12, warm: 9, free_slots: 31 },
});

const usageOf = (day: number, name: string): Facts => ({
  ...{
    object: "usage.bucket",
    start_time: SECONDS - day * 86_400,
    end_time: SECONDS - (day - 1) * 86_400,
    model: name,
  },
  ...{
    requests: 120 + day,
    refused: 1,
    failed: day % 3,
    cancelled: 2,
    prompt_tokens: 90_000 + day * 700,
    cached_tokens: 0,
  },
  ...{
    completion_tokens: 14_000 + ((day * 37) % 11) * 900,
    cost_micro_usd: (name === "qwen3-8b" ? 180_000 : 60_000) + ((day * 53) % 17) * 21_000,
  },
  ...{ average_duration_ms: 4_100, average_first_content_ms: 420 },
});

const TALK: readonly unknown[] = [
  { choices: [{ index: 0, delta: { role: "assistant", content: "" } }] },
  ..."Hearth lets people share the idle inference power of their own machines."
    .split(/(?<= )/)
    .map((content) => ({ choices: [{ index: 0, delta: { content } }] })),
  { choices: [{ index: 0, delta: {}, finish_reason: "stop" }] },
  { choices: [], usage: { prompt_tokens: 12, completion_tokens: 17, cost: 0.000_012 } },
  "[DONE]",
];

/** What a consumer's page asks for. */
export function consumerScript(): Script {
  return {
    "GET /dashboard/session": () => ({ body: CONSUMER }),
    "GET /v1/models": () => list([model("qwen3-8b"), model("llama-3.3-70b")]),
    "POST /v1/chat/completions": () => ({
      events: TALK.map((data) => ({ data })),
      headers: {
        ...{
          "X-Request-Id": String(DETAIL["id"]),
          "X-Provider-Id": "prv_000021f3a9",
          "X-Provider-Trust-Level": "self_attested",
        },
        ...{
          "X-Provider-Model": "qwen3-8b",
          "X-Provider-Chip": "Apple M3 Max",
          "X-Attempts": "2",
          "X-Receipt-Id": "rcp_1",
        },
        "X-Timing": JSON.stringify({
          parse_us: 210,
          reserve_us: 900,
          route_us: 120,
          queue_us: 0,
          encrypt_us: 60,
          provider_us: 310_000,
        }),
      },
    }),
    "GET /v1/receipts/rcp_1": () => ({
      body: { object: "receipt", request_id: DETAIL["id"], receipt: { blob: "c2lnbmVk" } },
    }),
    "GET /v1/me/requests": () => list(Array.from({ length: 30 }, (_, n) => requestOf(n))),
    [`GET /v1/me/requests/${DETAIL["id"]}`]: () => ({ body: DETAIL }),
    "GET /v1/me/usage/totals": () =>
      list(
        Array.from({ length: 48 }, (_, n) =>
          usageOf(30 - Math.floor(n / 2), n % 2 === 0 ? "qwen3-8b" : "llama-3.3-70b"),
        ),
      ),
    "GET /v1/me/balance": () => ({ body: BALANCE }),
    "GET /v1/key": () => ({
      body: {
        data: {
          ...{
            id: "key_1",
            account: "ben",
            name: "app",
            scopes: ["inference"],
            limit: 10,
            limit_reset: "monthly",
            limit_remaining: 6.2,
          },
          ...{
            usage: 31.2,
            usage_daily: 0.31,
            usage_weekly: 1.8,
            usage_monthly: 3.8,
            rate_limit: { requests: 60, tokens: null },
          },
          ...{ concurrency: null, allowed_models: null },
        },
      },
    }),
    "GET /v1/me/keys": () => list([keyOf(0), keyOf(2)]),
    "POST /v1/me/keys": issue,
  };
}

const earnings = (facts: Facts, net: number): Facts => ({
  ...{
    object: "earnings.line",
    gross_micro_usd: net * 1.1,
    fee_micro_usd: net * 0.1,
    net_micro_usd: net,
    requests: 300,
  },
  ...{ prompt_tokens: 90_000, completion_tokens: 22_000 },
  ...facts,
});

const NOTIFICATIONS: Facts = {
  object: "notifications",
  available_events: [
    ...["machine.offline", "machine.fenced", "machine.back", "budget.low", "budget.exhausted"],
    ...["balance.low", "balance.exhausted", "payout.paid", "payout.failed", "payout.returned"],
  ],
  ...{ place: "https://hooks.slack.com", format: "slack", events: ["machine.offline", "payout.paid"] },
  last_delivery: { at: SECONDS, failure: "no_such_host" },
};

/** What an owner's page asks for. */
export function ownerScript(): Script {
  const today = Math.floor(Date.now() / 86_400_000) * 86_400;
  return {
    ...consumerScript(),
    "GET /dashboard/session": () => ({ body: OWNER }),
    "GET /v1/me/providers": () => list([machine(12), machine(49), machine(6)]),
    "GET /v1/machines": () =>
      list([
        {
          ...{
            id: "mch_1",
            object: "machine",
            account: "anna",
            status: "active",
            identity: "x",
            fingerprint: "4f2a 91cc 07de 1b3f",
          },
          ...{
            name: "mac-12",
            platform: "darwin",
            agent_version: "0.1.0",
            method: "device_code",
            provider: "prv_000012f3a9",
          },
          ...{ created_at: SECONDS, last_seen_at: Math.floor(Date.now() / 1_000) - 40, revoked_at: null },
        },
      ]),
    "GET /v1/me/earnings": ({ query }) =>
      query.get("group_by") === "day"
        ? list(
            Array.from({ length: 24 }, (_, n) =>
              earnings({ start_time: today - n * 86_400 }, 200_000 + ((n * 31) % 13) * 40_000),
            ),
          )
        : list([
            earnings({ machine: "prv_000012f3a9", model: "qwen3-8b" }, 4_210_000),
            earnings({ machine: "prv_000049f3a9", model: "llama-3.3-70b" }, 1_870_000),
          ]),
    "GET /v1/me/machines/prv_000012f3a9": () => ({ body: { paused: null, advice: [] } }),
    "GET /v1/me/machines/prv_000006f3a9": () => ({
      body: { paused: { until: SECONDS, reason: "video call" }, advice: ["You have paused this machine."] },
    }),
    "POST /v1/me/machines/prv_000012f3a9/pause": () => ({ body: {} }),
    "POST /v1/me/machines/prv_000006f3a9/resume": () => ({ body: {} }),
    "GET /v1/me/prices": () =>
      list([
        {
          ...{ id: "price_1", object: "price", account: "anna", machine: null, model: "qwen3-8b", status: "in_force" },
          ...{ input_micro_usd: 150_000, output_micro_usd: 450_000, cached_input_micro_usd: 75_000 },
          ...{ starts_at: SECONDS, ends_at: null, created_at: SECONDS },
        },
      ]),
    "POST /v1/me/prices": () => ({ status: 201, body: {} }),
    "GET /v1/me/notifications": () => ({ body: NOTIFICATIONS }),
    "PUT /v1/me/notifications": () => ({ body: { ...NOTIFICATIONS, secret: "whsec_shown-once" } }),
    "POST /v1/me/notifications/test": () => ({
      body: { object: "notifications.test", at: SECONDS, failure: "no_such_host" },
    }),
    "GET /v1/me/payouts": () => list([payout(1, "requested"), payout(2, "paid")]),
    "POST /v1/me/payouts": () => ({ status: 201, body: payout(1, "requested") }),
    "GET /v1/enrolment-tokens": () =>
      list([{ id: "tok_1", status: "unused", note: "rack 4", created_at: SECONDS, expires_at: SECONDS + 86_400 }]),
    "POST /v1/enrolment-tokens": () => ({
      status: 201,
      body: { object: "list", data: [{ id: "tok_2", token: "he-shown-once" }] },
    }),
  };
}
