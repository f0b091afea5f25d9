import type { Migration } from "./migration.js";

/** What owners ask for answers of their machines, and which owners have changed it since when. */
export const OWNER_PRICES: Migration = {
  sqlite: `
    CREATE TABLE owner_prices (
      id TEXT PRIMARY KEY,
      account TEXT NOT NULL,
      machine TEXT NOT NULL,
      model TEXT NOT NULL,
      from_ms INTEGER NOT NULL,
      input INTEGER CHECK (input >= 0),
      output INTEGER CHECK (output >= 0),
      cached_input INTEGER CHECK (cached_input >= 0),
      created_at_ms INTEGER NOT NULL,
      UNIQUE (account, machine, model, from_ms),
      CHECK ((input IS NULL) = (output IS NULL) AND (input IS NULL) = (cached_input IS NULL))
    ) STRICT;
    CREATE INDEX owner_prices_in_order ON owner_prices (created_at_ms, id);
    CREATE INDEX owner_prices_of_account ON owner_prices (account, created_at_ms, id);

    CREATE TABLE owner_price_changes (
      account TEXT PRIMARY KEY,
      revision INTEGER NOT NULL UNIQUE
    ) STRICT;
    `,
  postgres: `
    CREATE TABLE owner_prices (
      id TEXT COLLATE "C" PRIMARY KEY,
      account TEXT COLLATE "C" NOT NULL,
      machine TEXT COLLATE "C" NOT NULL,
      model TEXT COLLATE "C" NOT NULL,
      from_ms BIGINT NOT NULL,
      input BIGINT CHECK (input >= 0),
      output BIGINT CHECK (output >= 0),
      cached_input BIGINT CHECK (cached_input >= 0),
      created_at_ms BIGINT NOT NULL,
      UNIQUE (account, machine, model, from_ms),
      CHECK ((input IS NULL) = (output IS NULL) AND (input IS NULL) = (cached_input IS NULL))
    );
    CREATE INDEX owner_prices_in_order ON owner_prices (created_at_ms, id);
    CREATE INDEX owner_prices_of_account ON owner_prices (account, created_at_ms, id);

    CREATE TABLE owner_price_changes (
      account TEXT COLLATE "C" PRIMARY KEY,
      revision BIGINT NOT NULL UNIQUE
    );
    `,
};
