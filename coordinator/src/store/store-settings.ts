/** Where a store is, and how much may be asked of it. */
export interface StoreSettings {
  /** Operations that are asked for and not answered, at most. */
  readonly maxWaiting: number;
  /** Absent = SQLite in the data directory. */
  readonly postgres: PostgresSettings | undefined;
}

export interface PostgresSettings {
  /** With the password, if it needs one: for no log and no message. */
  readonly url: string;
  /** The schema that has everything of ours: letters, digits and `_`. */
  readonly schema: string;
  /** At most, of this coordinator. */
  readonly connections: number;
  readonly connectTimeoutMs: number;
  /** One statement takes no longer. */
  readonly statementTimeoutMs: number;
}

export const DEFAULT_MAX_WAITING = 10_000;

export const DEFAULT_POSTGRES: Omit<PostgresSettings, "url"> = {
  schema: "hearth",
  connections: 10,
  connectTimeoutMs: 3_000,
  statementTimeoutMs: 10_000,
};

/** Server and database, without account and password. */
export function placeOf(url: string): string {
  const { hostname, port, pathname } = new URL(url);
  return `The database ${pathname.slice(1) || "(default)"} on ${hostname || "this machine"}${port && `:${port}`}`;
}
