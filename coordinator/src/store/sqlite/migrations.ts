/**
 * The schema, step by step: the database's `user_version` is the number of steps that it has taken. A step that was
 * released never changes. Times are wall-clock milliseconds, digests SHA-256 as hex.
 */
export const MIGRATIONS: readonly string[] = [
  `
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
  `
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
];
