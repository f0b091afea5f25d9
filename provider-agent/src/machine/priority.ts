import { constants, getPriority, setPriority } from "node:os";

/** What became of the wish to stand back. */
export type PriorityResult =
  | { readonly type: "lowered" }
  /** It stands back already. */
  | { readonly type: "already_low" }
  | { readonly type: "refused"; readonly reason: string };

/**
 * Makes a process give way to the owner's programs; children that it starts afterwards inherit that (on Unix by fork, on
 * Windows because a class below normal is handed on). Meant to be called once at start, before any backend is started.
 *
 * On macOS it stays with this: `taskpolicy -b` would confine a backend to the efficiency cores and throttle its disk
 * and network access (seen: Howard Oakley, "User control", eclecticlight.co 2022), which costs far more speed than it
 * spares the owner.
 *
 * @param pid 0 = this process
 */
export function standBack(pid = 0): PriorityResult {
  try {
    const wanted = constants.priority.PRIORITY_BELOW_NORMAL;
    if (getPriority(pid) >= wanted) return { type: "already_low" };
    setPriority(pid, wanted);
    return { type: "lowered" };
  } catch (error) {
    return { type: "refused", reason: error instanceof Error ? error.message : "unknown" };
  }
}
