import type { Trouble } from "../platform/health.js";
import type { Store } from "./store.js";
import { StoreError } from "./store-error.js";

/** A store, and whether its last answers were those of a sound one on a disk that takes what is written. */
export interface WatchedStore {
  readonly store: Store;
  readonly trouble: () => Trouble | undefined;
}

/**
 * What SQLite's codes say of the file (https://www.sqlite.org/rescode.html; extended ones begin with these), and
 * PostgreSQL's of its own (XX001, XX002; 53100 and 58 of its disk, 25006 of a server that only reads).
 */
const DAMAGED: readonly string[] = ["SQLITE_CORRUPT", "SQLITE_NOTADB", "XX001", "XX002"];
const UNWRITABLE: readonly string[] = [
  ...["SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN"],
  ...["53100", "58", "25006"],
];

/** Somebody holds what it needs: SQLite's file, or PostgreSQL's locks (55), resources (53) or transaction (40). */
const BUSY: readonly string[] = ["SQLITE_BUSY", "SQLITE_LOCKED", "40", "53", "55"];

/** Changes nothing of what a store does; only looks at how its work ends. `failed` is told each failure of the disk's. */
export function watchStore(store: Store, failed: (trouble: Trouble) => void): WatchedStore {
  let trouble: Trouble | undefined;
  const seen = (error: unknown): void => {
    const found = troubleOf(error);
    if (found === undefined) return;
    // Damage does not go away while the process runs: other pages may still be read well.
    if (trouble !== "store_damaged") trouble = found;
    failed(found);
  };
  const answered = (hasWritten: boolean): void => {
    if (trouble === "store_away" || (hasWritten && trouble === "store_not_written")) trouble = undefined;
  };
  const watched = <T extends object>(part: T): T => watch(part, seen, answered);
  return {
    store: {
      enrolments: watched(store.enrolments),
      receipts: watched(store.receipts),
      attestations: watched(store.attestations),
      documents: watched(store.documents),
      knownModels: watched(store.knownModels),
      accounts: watched(store.accounts),
      usage: watched(store.usage),
      ledger: watched(store.ledger),
      prices: watched(store.prices),
      actions: watched(store.actions),
      notices: watched(store.notices),
      close: () => store.close(),
    },
    trouble: () => trouble,
  };
}

/** What writes; reading shows nothing of whether writing works, and a clean-up may find nothing to do. */
const WRITES: ReadonlySet<PropertyKey> = new Set([
  ...["put", "putTarget", "touch", "addMachine", "addTokens", "addAccount", "addKey", "setPrice"],
  ...["reserve", "extend", "post"],
]);

const isNothing = (value: unknown): boolean =>
  (Array.isArray(value) && value.length === 0) || (value instanceof Map && value.size === 0);

function watch<T extends object>(
  part: T,
  failed: (error: unknown) => void,
  answered: (hasWritten: boolean) => void,
): T {
  return new Proxy(part, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return async (...args: unknown[]): Promise<unknown> => {
        try {
          const result: unknown = await member.apply(target, args);
          if (!isNothing(args[0])) answered(WRITES.has(name));
          return result;
        } catch (error) {
          failed(error);
          throw error;
        }
      };
    },
  });
}

/** Whether a store has failed for reasons of its own, so that what it was asked may be asked again later. */
export function isStoreAway(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return (
    error instanceof StoreError || BUSY.some((prefix) => code.startsWith(prefix)) || troubleOf(error) !== undefined
  );
}

/** Whether a store has found its own file damaged: what it was asked fails again, however often it is asked. */
export function isStoreDamaged(error: unknown): boolean {
  return troubleOf(error) === "store_damaged" || (error instanceof StoreError && error.code === "corrupt");
}

function troubleOf(error: unknown): Trouble | undefined {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (DAMAGED.some((prefix) => code.startsWith(prefix))) return "store_damaged";
  if (UNWRITABLE.some((prefix) => code.startsWith(prefix))) return "store_not_written";
  if (code === "away") return "store_away";
  return undefined;
}
