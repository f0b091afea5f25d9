import { ADMIN_ACTION_CHANGES, ADMIN_ACTIONS } from "./admin-actions-step.js";
import type { Migration } from "./migration.js";
import { MONEY } from "./money-step.js";
import { NOTICES } from "./notices-step.js";
import { OWNER_PRICES } from "./owner-prices-step.js";
import { RETENTION } from "./retention-step.js";
import { USAGE_ATTRIBUTION } from "./usage-attribution-step.js";
import { USAGE } from "./usage-step.js";

/**
 * The schema, step by step: a database knows how many steps it has taken. A step that was released never changes. Times
 * are wall-clock milliseconds, digests SHA-256 as hex.
 *
 * PostgreSQL sorts text as the system's language does unless told otherwise: `COLLATE "C"` is SQLite's order.
 */
export const MIGRATIONS: readonly Migration[] = [
  {
    sqlite: `
    CREATE TABLE machines (
      id TEXT PRIMARY KEY,
      account TEXT NOT NULL,
      identity TEXT NOT NULL,
      name TEXT NOT NULL,
      platform TEXT NOT NULL,
      agent_version TEXT NOT NULL,
      method TEXT NOT NULL CHECK (method IN ('device_code', 'enrolment_token')),
      token_digest TEXT NOT NULL UNIQUE,
      created_at_ms INTEGER NOT NULL,
      last_seen_at_ms INTEGER,
      revoked_at_ms INTEGER
    ) STRICT;
    -- The key of an identity is proved at registration only, so it counts within an account: claiming somebody else's
    -- machine takes nothing from it.
    CREATE UNIQUE INDEX machines_active ON machines (account, identity) WHERE revoked_at_ms IS NULL;
    CREATE INDEX machines_in_order ON machines (created_at_ms, id);
    CREATE INDEX machines_of_account ON machines (account, created_at_ms, id);

    CREATE TABLE enrolment_tokens (
      id TEXT PRIMARY KEY,
      account TEXT NOT NULL,
      token_digest TEXT NOT NULL UNIQUE,
      note TEXT NOT NULL,
      created_at_ms INTEGER NOT NULL,
      expires_at_ms INTEGER NOT NULL,
      used_at_ms INTEGER,
      revoked_at_ms INTEGER,
      machine_id TEXT REFERENCES machines (id) ON DELETE SET NULL,
      CHECK (used_at_ms IS NULL OR revoked_at_ms IS NULL)
    ) STRICT;
    CREATE INDEX enrolment_tokens_in_order ON enrolment_tokens (created_at_ms, id);
    CREATE INDEX enrolment_tokens_of_account ON enrolment_tokens (account, created_at_ms, id);
    CREATE INDEX enrolment_tokens_of_machine ON enrolment_tokens (machine_id) WHERE machine_id IS NOT NULL;

    CREATE TABLE attestations (
      hash TEXT PRIMARY KEY,
      blob BLOB NOT NULL,
      signature BLOB NOT NULL,
      identity_key BLOB NOT NULL,
      created_at_ms INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX attestations_by_age ON attestations (created_at_ms);

    CREATE TABLE receipts (
      request_id TEXT NOT NULL,
      account TEXT NOT NULL,
      provider_id TEXT NOT NULL,
      created_at_ms INTEGER NOT NULL,
      blob BLOB NOT NULL,
      signature BLOB NOT NULL,
      attestation_hash TEXT NOT NULL,
      PRIMARY KEY (request_id, account)
    ) STRICT;
    CREATE INDEX receipts_by_age ON receipts (created_at_ms);
    CREATE INDEX receipts_by_attestation ON receipts (attestation_hash);

    CREATE TABLE documents (
      name TEXT PRIMARY KEY,
      json TEXT NOT NULL
    ) STRICT;
    `,
    postgres: `
    CREATE TABLE machines (
      id TEXT COLLATE "C" PRIMARY KEY,
      account TEXT COLLATE "C" NOT NULL,
      identity TEXT COLLATE "C" NOT NULL,
      name TEXT COLLATE "C" NOT NULL,
      platform TEXT COLLATE "C" NOT NULL,
      agent_version TEXT COLLATE "C" NOT NULL,
      method TEXT COLLATE "C" NOT NULL CHECK (method IN ('device_code', 'enrolment_token')),
      token_digest TEXT COLLATE "C" NOT NULL UNIQUE,
      created_at_ms BIGINT NOT NULL,
      last_seen_at_ms BIGINT,
      revoked_at_ms BIGINT
    );
    -- The key of an identity is proved at registration only, so it counts within an account: claiming somebody else's
    -- machine takes nothing from it.
    CREATE UNIQUE INDEX machines_active ON machines (account, identity) WHERE revoked_at_ms IS NULL;
    CREATE INDEX machines_in_order ON machines (created_at_ms, id);
    CREATE INDEX machines_of_account ON machines (account, created_at_ms, id);

    CREATE TABLE enrolment_tokens (
      id TEXT COLLATE "C" PRIMARY KEY,
      account TEXT COLLATE "C" NOT NULL,
      token_digest TEXT COLLATE "C" NOT NULL UNIQUE,
      note TEXT COLLATE "C" NOT NULL,
      created_at_ms BIGINT NOT NULL,
      expires_at_ms BIGINT NOT NULL,
      used_at_ms BIGINT,
      revoked_at_ms BIGINT,
      machine_id TEXT COLLATE "C" REFERENCES machines (id) ON DELETE SET NULL,
      CHECK (used_at_ms IS NULL OR revoked_at_ms IS NULL)
    );
    CREATE INDEX enrolment_tokens_in_order ON enrolment_tokens (created_at_ms, id);
    CREATE INDEX enrolment_tokens_of_account ON enrolment_tokens (account, created_at_ms, id);
    CREATE INDEX enrolment_tokens_of_machine ON enrolment_tokens (machine_id) WHERE machine_id IS NOT NULL;

    CREATE TABLE attestations (
      hash TEXT COLLATE "C" PRIMARY KEY,
      blob BYTEA NOT NULL,
      signature BYTEA NOT NULL,
      identity_key BYTEA NOT NULL,
      created_at_ms BIGINT NOT NULL
    );
    CREATE INDEX attestations_by_age ON attestations (created_at_ms);

    CREATE TABLE receipts (
      request_id TEXT COLLATE "C" NOT NULL,
      account TEXT COLLATE "C" NOT NULL,
      provider_id TEXT COLLATE "C" NOT NULL,
      created_at_ms BIGINT NOT NULL,
      blob BYTEA NOT NULL,
      signature BYTEA NOT NULL,
      attestation_hash TEXT COLLATE "C" NOT NULL,
      PRIMARY KEY (request_id, account)
    );
    CREATE INDEX receipts_by_age ON receipts (created_at_ms);
    CREATE INDEX receipts_by_attestation ON receipts (attestation_hash);

    CREATE TABLE documents (
      name TEXT COLLATE "C" PRIMARY KEY,
      json TEXT COLLATE "C" NOT NULL
    );
    `,
  },
  {
    sqlite: `
    CREATE TABLE known_models (
      model TEXT NOT NULL,
      provider_id TEXT NOT NULL,
      account TEXT NOT NULL,
      answered_at_ms INTEGER NOT NULL,
      facts TEXT NOT NULL,
      PRIMARY KEY (model, provider_id)
    ) STRICT;
    CREATE INDEX known_models_by_age ON known_models (answered_at_ms);
    `,
    postgres: `
    CREATE TABLE known_models (
      model TEXT COLLATE "C" NOT NULL,
      provider_id TEXT COLLATE "C" NOT NULL,
      account TEXT COLLATE "C" NOT NULL,
      answered_at_ms BIGINT NOT NULL,
      facts TEXT COLLATE "C" NOT NULL,
      PRIMARY KEY (model, provider_id)
    );
    CREATE INDEX known_models_by_age ON known_models (answered_at_ms);
    `,
  },
  {
    sqlite: `
    CREATE TABLE accounts (
      id TEXT PRIMARY KEY,
      name TEXT NOT NULL,
      parent TEXT REFERENCES accounts (id),
      budget TEXT NOT NULL CHECK (budget IN ('own', 'shared')),
      concurrency INTEGER CHECK (concurrency >= 0),
      created_at_ms INTEGER NOT NULL,
      suspended_at_ms INTEGER
    ) STRICT;
    CREATE INDEX accounts_in_order ON accounts (created_at_ms, id);
    CREATE INDEX accounts_of_parent ON accounts (parent, created_at_ms, id) WHERE parent IS NOT NULL;
    CREATE INDEX accounts_suspended ON accounts (id) WHERE suspended_at_ms IS NOT NULL;

    CREATE TABLE api_keys (
      id TEXT PRIMARY KEY,
      account TEXT NOT NULL REFERENCES accounts (id),
      name TEXT NOT NULL,
      prefix TEXT NOT NULL,
      digest TEXT NOT NULL UNIQUE,
      old_digest TEXT UNIQUE,
      old_ends_at_ms INTEGER,
      scopes TEXT NOT NULL,
      allowed_models TEXT,
      self_route_only INTEGER NOT NULL CHECK (self_route_only IN (0, 1)),
      requests_per_minute INTEGER CHECK (requests_per_minute >= 0),
      tokens_per_minute INTEGER CHECK (tokens_per_minute >= 0),
      concurrency INTEGER CHECK (concurrency >= 0),
      budget_micro_usd INTEGER CHECK (budget_micro_usd >= 0),
      budget_reset TEXT CHECK (budget_reset IN ('never', 'daily', 'weekly', 'monthly')),
      tags TEXT NOT NULL,
      created_at_ms INTEGER NOT NULL,
      expires_at_ms INTEGER,
      revoked_at_ms INTEGER,
      CHECK ((budget_micro_usd IS NULL) = (budget_reset IS NULL))
    ) STRICT;
    CREATE INDEX api_keys_in_order ON api_keys (created_at_ms, id);
    CREATE INDEX api_keys_of_account ON api_keys (account, created_at_ms, id);
    `,
    postgres: `
    CREATE TABLE accounts (
      id TEXT COLLATE "C" PRIMARY KEY,
      name TEXT COLLATE "C" NOT NULL,
      parent TEXT COLLATE "C" REFERENCES accounts (id),
      budget TEXT COLLATE "C" NOT NULL CHECK (budget IN ('own', 'shared')),
      concurrency BIGINT CHECK (concurrency >= 0),
      created_at_ms BIGINT NOT NULL,
      suspended_at_ms BIGINT
    );
    CREATE INDEX accounts_in_order ON accounts (created_at_ms, id);
    CREATE INDEX accounts_of_parent ON accounts (parent, created_at_ms, id) WHERE parent IS NOT NULL;
    CREATE INDEX accounts_suspended ON accounts (id) WHERE suspended_at_ms IS NOT NULL;

    CREATE TABLE api_keys (
      id TEXT COLLATE "C" PRIMARY KEY,
      account TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
      name TEXT COLLATE "C" NOT NULL,
      prefix TEXT COLLATE "C" NOT NULL,
      digest TEXT COLLATE "C" NOT NULL UNIQUE,
      old_digest TEXT COLLATE "C" UNIQUE,
      old_ends_at_ms BIGINT,
      scopes TEXT COLLATE "C" NOT NULL,
      allowed_models TEXT COLLATE "C",
      self_route_only BIGINT NOT NULL CHECK (self_route_only IN (0, 1)),
      requests_per_minute BIGINT CHECK (requests_per_minute >= 0),
      tokens_per_minute BIGINT CHECK (tokens_per_minute >= 0),
      concurrency BIGINT CHECK (concurrency >= 0),
      budget_micro_usd BIGINT CHECK (budget_micro_usd >= 0),
      budget_reset TEXT COLLATE "C" CHECK (budget_reset IN ('never', 'daily', 'weekly', 'monthly')),
      tags TEXT COLLATE "C" NOT NULL,
      created_at_ms BIGINT NOT NULL,
      expires_at_ms BIGINT,
      revoked_at_ms BIGINT,
      CHECK ((budget_micro_usd IS NULL) = (budget_reset IS NULL))
    );
    CREATE INDEX api_keys_in_order ON api_keys (created_at_ms, id);
    CREATE INDEX api_keys_of_account ON api_keys (account, created_at_ms, id);
    `,
  },
  USAGE,
  MONEY,
  RETENTION,
  OWNER_PRICES,
  USAGE_ATTRIBUTION,
  ADMIN_ACTIONS,
  NOTICES,
  ADMIN_ACTION_CHANGES,
];
