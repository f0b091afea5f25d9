import type { Migration } from "./migration.js";

/**
 * Reservations that were resolved long ago are forgotten, and the parts of their work: what was done in the hours before
 * `folded_work` is in the earnings only. No part of a later hour can be deleted.
 */
export const RETENTION: Migration = {
  sqlite: `
    CREATE TABLE folded_work (
      id INTEGER PRIMARY KEY CHECK (id = 0),
      before_ms INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX reservations_resolved ON reservations (resolved_at_ms) WHERE resolved_at_ms IS NOT NULL;
    DROP TRIGGER work_parts_no_delete;
    CREATE TRIGGER work_parts_no_delete BEFORE DELETE ON work_parts
      WHEN OLD.hour_ms >= coalesce((SELECT before_ms FROM folded_work), OLD.hour_ms)
      BEGIN SELECT RAISE(ABORT, 'work_parts are append-only'); END;
    `,
  postgres: `
    CREATE TABLE folded_work (
      id BIGINT PRIMARY KEY CHECK (id = 0),
      before_ms BIGINT NOT NULL
    );
    CREATE INDEX reservations_resolved ON reservations (resolved_at_ms) WHERE resolved_at_ms IS NOT NULL;
    CREATE FUNCTION refuse_unfolded() RETURNS trigger LANGUAGE plpgsql AS $$
      DECLARE folded_before BIGINT;
      BEGIN
        EXECUTE format('SELECT before_ms FROM %I.folded_work', TG_TABLE_SCHEMA) INTO folded_before;
        IF OLD.hour_ms < folded_before THEN RETURN OLD; END IF;
        RAISE EXCEPTION '% are append-only', TG_TABLE_NAME USING ERRCODE = '23000';
      END $$;
    DROP TRIGGER work_parts_append_only ON work_parts;
    CREATE TRIGGER work_parts_append_only BEFORE UPDATE ON work_parts FOR EACH ROW EXECUTE FUNCTION refuse_change();
    CREATE TRIGGER work_parts_folded BEFORE DELETE ON work_parts FOR EACH ROW EXECUTE FUNCTION refuse_unfolded();
    `,
};
