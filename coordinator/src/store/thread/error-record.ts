import { StoreError, type StoreErrorCode } from "../store-error.js";

/** An error as it crosses a thread: structured cloning would lose its code. */
export interface ErrorRecord {
  readonly name: string;
  readonly message: string;
  /** SQLite's own (`SQLITE_FULL`), Node's, or a StoreError's. */
  readonly code: string | undefined;
  readonly stack: string | undefined;
  readonly cause: ErrorRecord | undefined;
}

export function recordOf(thrown: unknown): ErrorRecord {
  if (!(thrown instanceof Error)) {
    return { name: "Error", message: String(thrown), code: undefined, stack: undefined, cause: undefined };
  }
  const { name, message, stack, cause } = thrown;
  const code = "code" in thrown && typeof thrown.code === "string" ? thrown.code : undefined;
  return { name, message, code, stack, cause: cause === undefined ? undefined : recordOf(cause) };
}

/** The error again, as far as callers look at it: class, name, code and place. */
export function errorOf({ name, message, code, stack, cause }: ErrorRecord): Error {
  const options = cause === undefined ? undefined : { cause: errorOf(cause) };
  const error =
    name === StoreError.name ? new StoreError(code as StoreErrorCode, message, options) : new Error(message, options);
  error.name = name;
  if (stack !== undefined) error.stack = stack;
  return code === undefined ? error : Object.assign(error, { code });
}
