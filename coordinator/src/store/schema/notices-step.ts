import type { Migration } from "./migration.js";

/** What accounts have asked to hear, and what waits to be told to them. */
export const NOTICES: Migration = {
  sqlite: `
    CREATE TABLE notice_targets (
      account TEXT PRIMARY KEY,
      url TEXT NOT NULL,
      format TEXT NOT NULL CHECK (format IN ('json', 'slack')),
      secret TEXT NOT NULL,
      events TEXT NOT NULL,
      since_ms INTEGER NOT NULL,
      last_at_ms INTEGER,
      last_failure TEXT
    ) STRICT;

    CREATE TABLE own_messages (
      id TEXT PRIMARY KEY,
      account TEXT NOT NULL,
      kind TEXT NOT NULL,
      payload TEXT NOT NULL,
      created_at_ms INTEGER NOT NULL,
      delivered_at_ms INTEGER,
      attempts INTEGER NOT NULL,
      next_at_ms INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX own_messages_due ON own_messages (next_at_ms, id) WHERE delivered_at_ms IS NULL;
    CREATE INDEX own_messages_of_account ON own_messages (account, created_at_ms);
    CREATE INDEX own_messages_in_order ON own_messages (created_at_ms);
    CREATE INDEX outbox_in_order ON outbox (created_at_ms, id);
    `,
  postgres: `
    CREATE TABLE notice_targets (
      account TEXT COLLATE "C" PRIMARY KEY,
      url TEXT COLLATE "C" NOT NULL,
      format TEXT COLLATE "C" NOT NULL CHECK (format IN ('json', 'slack')),
      secret TEXT COLLATE "C" NOT NULL,
      events TEXT COLLATE "C" NOT NULL,
      since_ms BIGINT NOT NULL,
      last_at_ms BIGINT,
      last_failure TEXT COLLATE "C"
    );

    CREATE TABLE own_messages (
      id TEXT COLLATE "C" PRIMARY KEY,
      account TEXT COLLATE "C" NOT NULL,
      kind TEXT COLLATE "C" NOT NULL,
      payload TEXT COLLATE "C" NOT NULL,
      created_at_ms BIGINT NOT NULL,
      delivered_at_ms BIGINT,
      attempts BIGINT NOT NULL,
      next_at_ms BIGINT NOT NULL
    );
    CREATE INDEX own_messages_due ON own_messages (next_at_ms, id) WHERE delivered_at_ms IS NULL;
    CREATE INDEX own_messages_of_account ON own_messages (account, created_at_ms);
    CREATE INDEX own_messages_in_order ON own_messages (created_at_ms);
    CREATE INDEX outbox_in_order ON outbox (created_at_ms, id);
    `,
};
