import type { Migration } from "./migration.js";

/** By what a record of usage can be told apart beside, and what was refused. Rows from before have none of it. */
export const USAGE_ATTRIBUTION: Migration = {
  sqlite: `
    ALTER TABLE request_usage ADD COLUMN dialect TEXT NOT NULL DEFAULT '';
    ALTER TABLE request_usage ADD COLUMN endpoint TEXT NOT NULL DEFAULT '';
    ALTER TABLE request_usage ADD COLUMN end_user TEXT NOT NULL DEFAULT '';
    ALTER TABLE request_usage ADD COLUMN tags TEXT NOT NULL DEFAULT '{}';
    ALTER TABLE request_usage ADD COLUMN refused INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX request_usage_of_end_user ON request_usage (account, end_user, at_ms, request_id) WHERE end_user <> '';
    ALTER TABLE usage_totals ADD COLUMN refused INTEGER NOT NULL DEFAULT 0;
    `,
  postgres: `
    ALTER TABLE request_usage ADD COLUMN dialect TEXT COLLATE "C" NOT NULL DEFAULT '';
    ALTER TABLE request_usage ADD COLUMN endpoint TEXT COLLATE "C" NOT NULL DEFAULT '';
    ALTER TABLE request_usage ADD COLUMN end_user TEXT COLLATE "C" NOT NULL DEFAULT '';
    ALTER TABLE request_usage ADD COLUMN tags TEXT COLLATE "C" NOT NULL DEFAULT '{}';
    ALTER TABLE request_usage ADD COLUMN refused BIGINT NOT NULL DEFAULT 0;
    CREATE INDEX request_usage_of_end_user ON request_usage (account, end_user, at_ms, request_id) WHERE end_user <> '';
    ALTER TABLE usage_totals ADD COLUMN refused BIGINT NOT NULL DEFAULT 0;
    `,
};
