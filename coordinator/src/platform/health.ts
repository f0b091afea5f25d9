/** Problems of a coordinator that serves all the same. docs/configuration.md explains each. */
export type Trouble =
  /** The log cannot be written, for example because the disk is full or its reader is gone. */
  | "log_not_written"
  /** The store cannot be written, for example because the disk is full or failing. */
  | "store_not_written"
  /** The database file is damaged. */
  | "store_damaged"
  /** The store does not answer: its server cannot be reached, or its thread has died. */
  | "store_away";

/** Tells whether a part of the coordinator is in trouble now. */
export type TroubleSource = () => Trouble | undefined;

/** All present troubles, in the order of the sources. */
export function troublesOf(sources: readonly TroubleSource[]): readonly Trouble[] {
  return sources.flatMap((source) => source() ?? []);
}
