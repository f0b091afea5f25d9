import type { Migration } from "./migration.js";

/**
 * The tables of money: docs/ledger.md says what they mean. Amounts are micro-USD; the bound of a balance keeps every sum
 * of two of them one that a number holds exactly.
 */
export const MONEY: Migration = {
  sqlite: `
    CREATE TABLE ledger_accounts (
      id TEXT PRIMARY KEY,
      owner TEXT,
      kind TEXT NOT NULL
        CHECK (kind IN ('credit', 'earned', 'pending', 'external', 'grants', 'fees', 'losses')),
      balance INTEGER NOT NULL CHECK (balance BETWEEN -9000000000000000 AND 9000000000000000),
      reserved INTEGER NOT NULL CHECK (reserved >= 0),
      CHECK ((owner IS NULL) = (kind IN ('external', 'grants', 'fees', 'losses'))),
      -- Of the accounts only the platform's own go below 0.
      CHECK (owner IS NULL OR balance >= reserved)
    ) STRICT;

    CREATE TABLE transfers (
      id TEXT PRIMARY KEY,
      kind TEXT NOT NULL,
      account TEXT NOT NULL,
      amount INTEGER NOT NULL,
      request_id TEXT,
      reason TEXT,
      actor TEXT,
      created_at_ms INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE entries (
      seq INTEGER PRIMARY KEY AUTOINCREMENT,
      transfer_id TEXT NOT NULL REFERENCES transfers (id),
      ledger_account TEXT NOT NULL REFERENCES ledger_accounts (id),
      amount INTEGER NOT NULL CHECK (amount <> 0),
      balance_after INTEGER NOT NULL,
      UNIQUE (transfer_id, ledger_account)
    ) STRICT;
    CREATE INDEX entries_of_account ON entries (ledger_account, seq);

    CREATE TABLE reservations (
      id TEXT PRIMARY KEY,
      request_id TEXT NOT NULL,
      account TEXT NOT NULL,
      payer TEXT NOT NULL,
      node TEXT NOT NULL,
      key_id TEXT,
      window_start_ms INTEGER,
      budget_limit INTEGER,
      fee_basis_points INTEGER NOT NULL CHECK (fee_basis_points BETWEEN 0 AND 10000),
      state TEXT NOT NULL CHECK (state IN ('open', 'posted', 'voided')),
      asked INTEGER NOT NULL,
      reserved_credit INTEGER NOT NULL CHECK (reserved_credit >= 0),
      reserved_earned INTEGER NOT NULL CHECK (reserved_earned >= 0),
      used INTEGER NOT NULL CHECK (used >= 0),
      used_parts TEXT NOT NULL,
      posted INTEGER NOT NULL CHECK (posted BETWEEN 0 AND reserved_credit + reserved_earned),
      refunded INTEGER NOT NULL CHECK (refunded BETWEEN 0 AND posted),
      resolved_by TEXT CHECK (resolved_by IN ('caller', 'expiry', 'recovery')),
      created_at_ms INTEGER NOT NULL,
      expires_at_ms INTEGER NOT NULL,
      resolved_at_ms INTEGER,
      CHECK ((state = 'open') = (resolved_by IS NULL)),
      CHECK ((state = 'open') = (resolved_at_ms IS NULL)),
      CHECK (state = 'posted' OR posted = 0),
      CHECK ((key_id IS NULL) = (window_start_ms IS NULL))
    ) STRICT;
    CREATE INDEX reservations_open ON reservations (expires_at_ms) WHERE state = 'open';
    CREATE INDEX reservations_of_request ON reservations (request_id);

    CREATE TABLE key_spend (
      key_id TEXT NOT NULL,
      window_start_ms INTEGER NOT NULL,
      spent INTEGER NOT NULL CHECK (spent >= 0),
      reserved INTEGER NOT NULL CHECK (reserved >= 0),
      PRIMARY KEY (key_id, window_start_ms)
    ) STRICT;

    CREATE TABLE work_parts (
      reservation_id TEXT NOT NULL REFERENCES reservations (id),
      n INTEGER NOT NULL,
      payer TEXT NOT NULL CHECK (payer IN ('consumer', 'platform')),
      account TEXT NOT NULL,
      machine TEXT NOT NULL,
      model TEXT NOT NULL,
      attempt_id TEXT NOT NULL,
      hour_ms INTEGER NOT NULL,
      gross INTEGER NOT NULL CHECK (gross >= 0),
      fee INTEGER NOT NULL CHECK (fee BETWEEN 0 AND gross),
      net INTEGER NOT NULL CHECK (net + fee = gross),
      prompt_tokens INTEGER NOT NULL CHECK (prompt_tokens >= 0),
      completion_tokens INTEGER NOT NULL CHECK (completion_tokens >= 0),
      PRIMARY KEY (reservation_id, n)
    ) STRICT;

    CREATE TABLE earnings (
      account TEXT NOT NULL,
      machine TEXT NOT NULL,
      model TEXT NOT NULL,
      hour_ms INTEGER NOT NULL,
      gross INTEGER NOT NULL,
      fee INTEGER NOT NULL,
      net INTEGER NOT NULL CHECK (net + fee = gross),
      requests INTEGER NOT NULL,
      prompt_tokens INTEGER NOT NULL,
      completion_tokens INTEGER NOT NULL,
      PRIMARY KEY (account, hour_ms, machine, model)
    ) STRICT;

    CREATE TABLE payouts (
      id TEXT PRIMARY KEY,
      account TEXT NOT NULL,
      amount INTEGER NOT NULL CHECK (amount > 0),
      state TEXT NOT NULL CHECK (state IN ('requested', 'paid', 'failed', 'returned')),
      reason TEXT,
      actor TEXT NOT NULL,
      requested_at_ms INTEGER NOT NULL,
      changed_at_ms INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX payouts_of_account ON payouts (account, requested_at_ms, id);
    CREATE INDEX payouts_in_order ON payouts (requested_at_ms, id);

    CREATE TABLE outbox (
      id TEXT PRIMARY KEY,
      kind TEXT NOT NULL,
      payload TEXT NOT NULL,
      created_at_ms INTEGER NOT NULL,
      delivered_at_ms INTEGER,
      attempts INTEGER NOT NULL,
      next_at_ms INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX outbox_due ON outbox (next_at_ms, id) WHERE delivered_at_ms IS NULL;

    CREATE TRIGGER transfers_no_update BEFORE UPDATE ON transfers BEGIN SELECT RAISE(ABORT, 'transfers are append-only'); END;
    CREATE TRIGGER transfers_no_delete BEFORE DELETE ON transfers BEGIN SELECT RAISE(ABORT, 'transfers are append-only'); END;
    CREATE TRIGGER entries_no_update BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'entries are append-only'); END;
    CREATE TRIGGER entries_no_delete BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'entries are append-only'); END;
    CREATE TRIGGER work_parts_no_update BEFORE UPDATE ON work_parts BEGIN SELECT RAISE(ABORT, 'work_parts are append-only'); END;
    CREATE TRIGGER work_parts_no_delete BEFORE DELETE ON work_parts BEGIN SELECT RAISE(ABORT, 'work_parts are append-only'); END;
    `,
  postgres: `
    CREATE TABLE ledger_accounts (
      id TEXT COLLATE "C" PRIMARY KEY,
      owner TEXT COLLATE "C",
      kind TEXT COLLATE "C" NOT NULL
        CHECK (kind IN ('credit', 'earned', 'pending', 'external', 'grants', 'fees', 'losses')),
      balance BIGINT NOT NULL CHECK (balance BETWEEN -9000000000000000 AND 9000000000000000),
      reserved BIGINT NOT NULL CHECK (reserved >= 0),
      CHECK ((owner IS NULL) = (kind IN ('external', 'grants', 'fees', 'losses'))),
      -- Of the accounts only the platform's own go below 0.
      CHECK (owner IS NULL OR balance >= reserved)
    );

    CREATE TABLE transfers (
      id TEXT COLLATE "C" PRIMARY KEY,
      kind TEXT COLLATE "C" NOT NULL,
      account TEXT COLLATE "C" NOT NULL,
      amount BIGINT NOT NULL,
      request_id TEXT COLLATE "C",
      reason TEXT COLLATE "C",
      actor TEXT COLLATE "C",
      created_at_ms BIGINT NOT NULL
    );

    CREATE TABLE entries (
      seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      transfer_id TEXT COLLATE "C" NOT NULL REFERENCES transfers (id),
      ledger_account TEXT COLLATE "C" NOT NULL REFERENCES ledger_accounts (id),
      amount BIGINT NOT NULL CHECK (amount <> 0),
      balance_after BIGINT NOT NULL,
      UNIQUE (transfer_id, ledger_account)
    );
    CREATE INDEX entries_of_account ON entries (ledger_account, seq);

    CREATE TABLE reservations (
      id TEXT COLLATE "C" PRIMARY KEY,
      request_id TEXT COLLATE "C" NOT NULL,
      account TEXT COLLATE "C" NOT NULL,
      payer TEXT COLLATE "C" NOT NULL,
      node TEXT COLLATE "C" NOT NULL,
      key_id TEXT COLLATE "C",
      window_start_ms BIGINT,
      budget_limit BIGINT,
      fee_basis_points BIGINT NOT NULL CHECK (fee_basis_points BETWEEN 0 AND 10000),
      state TEXT COLLATE "C" NOT NULL CHECK (state IN ('open', 'posted', 'voided')),
      asked BIGINT NOT NULL,
      reserved_credit BIGINT NOT NULL CHECK (reserved_credit >= 0),
      reserved_earned BIGINT NOT NULL CHECK (reserved_earned >= 0),
      used BIGINT NOT NULL CHECK (used >= 0),
      used_parts TEXT COLLATE "C" NOT NULL,
      posted BIGINT NOT NULL CHECK (posted BETWEEN 0 AND reserved_credit + reserved_earned),
      refunded BIGINT NOT NULL CHECK (refunded BETWEEN 0 AND posted),
      resolved_by TEXT COLLATE "C" CHECK (resolved_by IN ('caller', 'expiry', 'recovery')),
      created_at_ms BIGINT NOT NULL,
      expires_at_ms BIGINT NOT NULL,
      resolved_at_ms BIGINT,
      CHECK ((state = 'open') = (resolved_by IS NULL)),
      CHECK ((state = 'open') = (resolved_at_ms IS NULL)),
      CHECK (state = 'posted' OR posted = 0),
      CHECK ((key_id IS NULL) = (window_start_ms IS NULL))
    );
    CREATE INDEX reservations_open ON reservations (expires_at_ms) WHERE state = 'open';
    CREATE INDEX reservations_of_request ON reservations (request_id);

    CREATE TABLE key_spend (
      key_id TEXT COLLATE "C" NOT NULL,
      window_start_ms BIGINT NOT NULL,
      spent BIGINT NOT NULL CHECK (spent >= 0),
      reserved BIGINT NOT NULL CHECK (reserved >= 0),
      PRIMARY KEY (key_id, window_start_ms)
    );

    CREATE TABLE work_parts (
      reservation_id TEXT COLLATE "C" NOT NULL REFERENCES reservations (id),
      n BIGINT NOT NULL,
      payer TEXT COLLATE "C" NOT NULL CHECK (payer IN ('consumer', 'platform')),
      account TEXT COLLATE "C" NOT NULL,
      machine TEXT COLLATE "C" NOT NULL,
      model TEXT COLLATE "C" NOT NULL,
      attempt_id TEXT COLLATE "C" NOT NULL,
      hour_ms BIGINT NOT NULL,
      gross BIGINT NOT NULL CHECK (gross >= 0),
      fee BIGINT NOT NULL CHECK (fee BETWEEN 0 AND gross),
      net BIGINT NOT NULL CHECK (net + fee = gross),
      prompt_tokens BIGINT NOT NULL CHECK (prompt_tokens >= 0),
      completion_tokens BIGINT NOT NULL CHECK (completion_tokens >= 0),
      PRIMARY KEY (reservation_id, n)
    );

    CREATE TABLE earnings (
      account TEXT COLLATE "C" NOT NULL,
      machine TEXT COLLATE "C" NOT NULL,
      model TEXT COLLATE "C" NOT NULL,
      hour_ms BIGINT NOT NULL,
      gross BIGINT NOT NULL,
      fee BIGINT NOT NULL,
      net BIGINT NOT NULL CHECK (net + fee = gross),
      requests BIGINT NOT NULL,
      prompt_tokens BIGINT NOT NULL,
      completion_tokens BIGINT NOT NULL,
      PRIMARY KEY (account, hour_ms, machine, model)
    );

    CREATE TABLE payouts (
      id TEXT COLLATE "C" PRIMARY KEY,
      account TEXT COLLATE "C" NOT NULL,
      amount BIGINT NOT NULL CHECK (amount > 0),
      state TEXT COLLATE "C" NOT NULL CHECK (state IN ('requested', 'paid', 'failed', 'returned')),
      reason TEXT COLLATE "C",
      actor TEXT COLLATE "C" NOT NULL,
      requested_at_ms BIGINT NOT NULL,
      changed_at_ms BIGINT NOT NULL
    );
    CREATE INDEX payouts_of_account ON payouts (account, requested_at_ms, id);
    CREATE INDEX payouts_in_order ON payouts (requested_at_ms, id);

    CREATE TABLE outbox (
      id TEXT COLLATE "C" PRIMARY KEY,
      kind TEXT COLLATE "C" NOT NULL,
      payload TEXT COLLATE "C" NOT NULL,
      created_at_ms BIGINT NOT NULL,
      delivered_at_ms BIGINT,
      attempts BIGINT NOT NULL,
      next_at_ms BIGINT NOT NULL
    );
    CREATE INDEX outbox_due ON outbox (next_at_ms, id) WHERE delivered_at_ms IS NULL;

    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION '% are append-only', TG_TABLE_NAME USING ERRCODE = '23000'; END $$;
    CREATE TRIGGER transfers_append_only BEFORE UPDATE OR DELETE ON transfers FOR EACH ROW EXECUTE FUNCTION refuse_change();
    CREATE TRIGGER entries_append_only BEFORE UPDATE OR DELETE ON entries FOR EACH ROW EXECUTE FUNCTION refuse_change();
    CREATE TRIGGER work_parts_append_only BEFORE UPDATE OR DELETE ON work_parts FOR EACH ROW EXECUTE FUNCTION refuse_change();
    `,
};
