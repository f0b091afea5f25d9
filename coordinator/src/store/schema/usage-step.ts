import type { Migration } from "./migration.js";

/** What requests used: each by itself, and in totals. */
export const USAGE: Migration = {
  sqlite: `
    CREATE TABLE request_usage (
      request_id TEXT PRIMARY KEY,
      at_ms INTEGER NOT NULL,
      account TEXT NOT NULL,
      key_id TEXT NOT NULL,
      model_asked TEXT NOT NULL,
      model TEXT NOT NULL,
      provider_id TEXT NOT NULL,
      outcome TEXT NOT NULL CHECK (outcome IN ('success', 'failure', 'in_band_error', 'cancelled')),
      prompt_tokens INTEGER NOT NULL,
      cached_tokens INTEGER NOT NULL,
      completion_tokens INTEGER NOT NULL,
      estimated INTEGER NOT NULL,
      cost_micro_usd INTEGER NOT NULL,
      duration_ms INTEGER NOT NULL,
      first_content_ms INTEGER,
      facts TEXT NOT NULL
    ) STRICT;
    CREATE INDEX request_usage_by_age ON request_usage (at_ms, request_id);
    CREATE INDEX request_usage_of_account ON request_usage (account, at_ms, request_id);

    CREATE TABLE usage_totals (
      id TEXT PRIMARY KEY,
      unit TEXT NOT NULL CHECK (unit IN ('minute', 'hour', 'day')),
      start_ms INTEGER NOT NULL,
      account TEXT NOT NULL,
      key_id TEXT NOT NULL,
      model TEXT NOT NULL,
      provider_id TEXT NOT NULL,
      requests INTEGER NOT NULL,
      failed INTEGER NOT NULL,
      cancelled INTEGER NOT NULL,
      prompt_tokens INTEGER NOT NULL,
      cached_tokens INTEGER NOT NULL,
      completion_tokens INTEGER NOT NULL,
      cost_micro_usd INTEGER NOT NULL,
      duration_ms INTEGER NOT NULL,
      answered INTEGER NOT NULL,
      first_content_ms INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX usage_totals_by_start ON usage_totals (unit, start_ms);
    CREATE INDEX usage_totals_of_account ON usage_totals (account, unit, start_ms);
    `,
  postgres: `
    CREATE TABLE request_usage (
      request_id TEXT COLLATE "C" PRIMARY KEY,
      at_ms BIGINT NOT NULL,
      account TEXT COLLATE "C" NOT NULL,
      key_id TEXT COLLATE "C" NOT NULL,
      model_asked TEXT COLLATE "C" NOT NULL,
      model TEXT COLLATE "C" NOT NULL,
      provider_id TEXT COLLATE "C" NOT NULL,
      outcome TEXT COLLATE "C" NOT NULL CHECK (outcome IN ('success', 'failure', 'in_band_error', 'cancelled')),
      prompt_tokens BIGINT NOT NULL,
      cached_tokens BIGINT NOT NULL,
      completion_tokens BIGINT NOT NULL,
      estimated BIGINT NOT NULL,
      cost_micro_usd BIGINT NOT NULL,
      duration_ms BIGINT NOT NULL,
      first_content_ms BIGINT,
      facts TEXT COLLATE "C" NOT NULL
    );
    CREATE INDEX request_usage_by_age ON request_usage (at_ms, request_id);
    CREATE INDEX request_usage_of_account ON request_usage (account, at_ms, request_id);

    CREATE TABLE usage_totals (
      id TEXT COLLATE "C" PRIMARY KEY,
      unit TEXT COLLATE "C" NOT NULL CHECK (unit IN ('minute', 'hour', 'day')),
      start_ms BIGINT NOT NULL,
      account TEXT COLLATE "C" NOT NULL,
      key_id TEXT COLLATE "C" NOT NULL,
      model TEXT COLLATE "C" NOT NULL,
      provider_id TEXT COLLATE "C" NOT NULL,
      requests BIGINT NOT NULL,
      failed BIGINT NOT NULL,
      cancelled BIGINT NOT NULL,
      prompt_tokens BIGINT NOT NULL,
      cached_tokens BIGINT NOT NULL,
      completion_tokens BIGINT NOT NULL,
      cost_micro_usd BIGINT NOT NULL,
      duration_ms BIGINT NOT NULL,
      answered BIGINT NOT NULL,
      first_content_ms BIGINT NOT NULL
    );
    CREATE INDEX usage_totals_by_start ON usage_totals (unit, start_ms);
    CREATE INDEX usage_totals_of_account ON usage_totals (account, unit, start_ms);
    `,
};
