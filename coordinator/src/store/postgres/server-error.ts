import pg from "pg";
import { BeginAgain } from "../operations/carry-out.js";
import { StoreError } from "../store-error.js";

/**
 * What the server said, without the parts that quote rows (`detail`, `where`). `code` is its SQLSTATE
 * (https://www.postgresql.org/docs/current/errcodes-appendix.html).
 */
class ServerError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = "ServerError";
    this.code = code;
  }
}

/** Connection lost, server stopping or starting, no connection left, cancelled for taking too long. */
const AWAY: readonly string[] = ["08", "57P", "53300", "57014"];
/** Two transactions met, and one of them has to be done again. */
const MET: readonly string[] = ["40001", "40P01"];
/** Somebody else inserted the same between our looking and our inserting; another look tells. */
const TAKEN = "23505";
/** Wrong password or account, no such database, no right. */
const REFUSED: readonly string[] = ["28", "3D000", "42501"];

/** What a query or a connection has failed with, as callers see it. */
export function explained(error: unknown): Error {
  if (!(error instanceof pg.DatabaseError) || error.code === undefined) return away(error);
  const { code, message } = error;
  if (AWAY.some((prefix) => code.startsWith(prefix))) return away(new ServerError(code, message));
  return new ServerError(code, message);
}

/** Whether what failed may be tried again, after so many tries. */
export function mayTryAgain(error: unknown, tries: number): boolean {
  if (error instanceof BeginAgain) return true;
  if (!(error instanceof ServerError)) return false;
  return MET.includes(error.code) || (error.code === TAKEN && tries < 2);
}

/** The server is not reached, or does not answer. Of the cause only what names no account and no password. */
function away(error: unknown): StoreError {
  const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
  const why = code ?? (error instanceof Error ? error.message : "unknown");
  return new StoreError("away", `The database does not answer (${why}).`);
}

/** Why a database could not be opened, for the operator. `where` names the server without the password. */
export function openingError(error: unknown, where: string): StoreError {
  if (error instanceof StoreError && error.code !== "away") return error;
  const known = error instanceof StoreError ? error : explained(error);
  if (known instanceof StoreError) {
    return new StoreError("away", `${where} is not reached. ${known.message} See DATABASE_URL.`);
  }
  const code = known instanceof ServerError ? known.code : "";
  const isRefusal = REFUSED.some((prefix) => code.startsWith(prefix));
  const what = isRefusal ? "refuses us" : "cannot be used";
  return new StoreError("refused", `${where} ${what}: ${known.message} (${code}). See DATABASE_URL.`);
}
