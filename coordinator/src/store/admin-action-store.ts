/** One thing that somebody did with the operator's routes. */
export interface AdminAction {
  readonly id: string;
  /** Wall-clock milliseconds since 1970. */
  readonly atMs: number;
  /** Who did it: the key, and the account that it is of. */
  readonly keyId: string;
  readonly account: string;
  readonly method: string;
  /** With the names of its parameters, as `/admin/providers/:id/drain`. */
  readonly route: string;
  /** What it was done to, or what came of it; empty = the route says it all. */
  readonly target: string;
  /** Of the answer. */
  readonly status: number;
  /** What it has changed of the settings, as JSON; empty = nothing is told. */
  readonly changes: string;
}

/** A page of them, newest first. */
export interface AdminActionPage {
  readonly limit: number;
  readonly after?: string | undefined;
  readonly account?: string | undefined;
  readonly keyId?: string | undefined;
}

/** Actions removed by one `prune` at most: whoever writes meanwhile waits no longer than for these. */
export const ACTION_PRUNE_BATCH = 5_000;

/** What was done with the operator's routes, and by whom. Nothing of it is ever changed. */
export interface AdminActionStore {
  put(action: AdminAction): Promise<void>;
  list(page: AdminActionPage): Promise<readonly AdminAction[]>;
  /**
   * Forgets what is from before `beforeMs`, then the oldest beyond `keepAtMost`, at most `ACTION_PRUNE_BATCH` of each.
   *
   * @returns how many are gone, the more of both; `ACTION_PRUNE_BATCH` = there may be more
   */
  prune(beforeMs: number, keepAtMost: number): Promise<number>;
}
