import type { Script, Told } from "./dashboard-server.js";

const DOCUMENT = {
  aliases: { smart: { desired: "qwen3-8b", previous: "llama-3.3-70b" } },
  dispatch: { patience_ms: 300_000 },
  prices: { default: [{ input: 100_000, output: 400_000 }] },
};

const setting = (name: string, value: unknown, byDefault: unknown = null): object => ({
  ...{ name, value, default: byDefault },
  source: byDefault === value ? "default" : "file",
});

const variable = (name: string, value: string | number | null, secret = false): object => ({
  ...{ name, value, secret, source: value === null && !secret ? "default" : "environment" },
});

const CHANGE = {
  object: "config.change",
  etag: '"v2"',
  kept_in: { kind: "file", path: "/etc/hearth/hearth.json" },
  changes: [{ path: "dispatch.patience_ms", before: 300_000, after: 120_000 }],
};

const changed = ({ query }: { readonly query: URLSearchParams }): Told => ({
  body: { ...CHANGE, dry_run: query.get("dry_run") === "true" },
});

/** What the operator's settings answer, and what they say of models. */
export const CONFIG_SCRIPT: Script = {
  "GET /admin/config": () => ({
    body: {
      object: "config",
      etag: '"v1"',
      kept_in: CHANGE.kept_in,
      document: DOCUMENT,
      settings: [
        setting("aliases.smart.desired", "qwen3-8b"),
        setting("trust_minimum", "none", "none"),
        setting("dispatch.patience_ms", 300_000, 600_000),
        setting("dispatch.max_attempts", 6, 6),
        setting("selection.queue.per_model", 64, 64),
        setting("hedging.burst", 10, 10),
        setting("ledger.fee_basis_points", 500, 500),
        ...Array.from({ length: 40 }, (_, n) => setting(`selection.score.weight_${n}_ms`, n * 250, n * 250)),
        setting("prices.default", DOCUMENT.prices.default, []),
      ],
      environment: [
        variable("HEARTH_HOST", "127.0.0.1"),
        variable("HEARTH_ADMIN_KEY", null, true),
        variable("DATABASE_URL", "db.example:5432/hearth"),
        variable("HEARTH_PUBLIC_URL", null),
      ],
      rejected: {
        at: 1_767_603_600,
        problems: ["/etc/hearth/hearth.json: dispatch.max_attempts: Too big: expected number to be <=20"],
      },
    },
  }),
  "PUT /admin/config": changed,
  "GET /admin/catalog": () => ({
    body: {
      object: "catalog",
      etag: '"v1"',
      models: ["qwen3-8b"],
      aliases: DOCUMENT.aliases,
      model_rules: { "llama-3.3-70b": { enabled: false, trust_minimum: "none", version_floors: {} } },
      prices: { ...DOCUMENT.prices, models: {} },
      version_floors: {},
      trust_minimum: "none",
      known_good: {},
    },
  }),
  "PATCH /admin/catalog/models/qwen3-8b": changed,
  "PUT /admin/catalog/aliases/fast": changed,
  "PUT /admin/providers/prv_000012f3a9/owner": () => ({ body: { object: "provider.owner", account: "ben" } }),
};
