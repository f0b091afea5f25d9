/** What keeps a store from being opened, or from doing what it is asked. */
export type StoreErrorCode =
  /** Another process has it open. */
  | "in_use"
  /** The file is damaged, or no database at all. */
  | "corrupt"
  /** A later version of Hearth wrote it. */
  | "schema_newer"
  /** An earlier version of Hearth wrote it, and it is only to be looked at. */
  | "schema_older"
  /** It belongs to another program. */
  | "foreign"
  /** The file system refuses: rights, a missing disk, no space. */
  | "unusable"
  /** The server refuses the account or the database that it is given. */
  | "refused"
  /** Nobody does what it is asked: the server is not reached, or the worker has died. */
  | "away"
  /** Too much waits already. */
  | "busy"
  /** It has been closed. */
  | "closed";

/** Says, for the operator, why a store cannot be opened or used and what to do about it. */
export class StoreError extends Error {
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "StoreError";
    this.code = code;
  }
}

/** A database that an earlier version wrote, and that whoever only looks does not bring up to date. */
export function outdated(where: string, version: number): StoreError {
  return new StoreError(
    "schema_older",
    `${where} is of an earlier version of Hearth (schema ${version}): start the coordinator once, which brings it up to date.`,
  );
}
