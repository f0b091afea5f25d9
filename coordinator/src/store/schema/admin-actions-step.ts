import type { Migration } from "./migration.js";

/** Who did what with the operator's routes. */
export const ADMIN_ACTIONS: Migration = {
  sqlite: `
    CREATE TABLE admin_actions (
      id TEXT PRIMARY KEY,
      at_ms INTEGER NOT NULL,
      key_id TEXT NOT NULL,
      account TEXT NOT NULL,
      method TEXT NOT NULL,
      route TEXT NOT NULL,
      target TEXT NOT NULL,
      status INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX admin_actions_in_order ON admin_actions (at_ms, id);
    `,
  postgres: `
    CREATE TABLE admin_actions (
      id TEXT COLLATE "C" PRIMARY KEY,
      at_ms BIGINT NOT NULL,
      key_id TEXT COLLATE "C" NOT NULL,
      account TEXT COLLATE "C" NOT NULL,
      method TEXT COLLATE "C" NOT NULL,
      route TEXT COLLATE "C" NOT NULL,
      target TEXT COLLATE "C" NOT NULL,
      status BIGINT NOT NULL
    );
    CREATE INDEX admin_actions_in_order ON admin_actions (at_ms, id);
    `,
};

/** What an action has changed of the settings. */
export const ADMIN_ACTION_CHANGES: Migration = {
  sqlite: "ALTER TABLE admin_actions ADD COLUMN changes TEXT NOT NULL DEFAULT '';",
  postgres: `ALTER TABLE admin_actions ADD COLUMN changes TEXT COLLATE "C" NOT NULL DEFAULT '';`,
};
