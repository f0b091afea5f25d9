/** Why a coordinator that serves is not wholly well. What each means stands in docs/configuration.md. */
export type Trouble =
  /** The log cannot be written: a full disk, a reader that is gone. */
  | "log_not_written"
  /** The store takes nothing: a full or failing disk. */
  | "store_not_written"
  /** The database found itself damaged. */
  | "store_damaged"
  /** Nobody answers: the server is not reached, or the thread that keeps the file has died. */
  | "store_away";

/** Something that may be in trouble now. */
export type TroubleSource = () => Trouble | undefined;

/** Every trouble of now, in the order of the sources. */
export function troublesOf(sources: readonly TroubleSource[]): readonly Trouble[] {
  return sources.flatMap((source) => source() ?? []);
}
