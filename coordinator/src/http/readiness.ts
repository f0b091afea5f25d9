import type { Clock } from "@hearth/platform";
import type { ProviderDirectory } from "../fleet/provider-directory.js";
import type { Trouble } from "../platform/health.js";

/** What `GET /readyz` says, with 503 unless it is `ready`. */
export type Readiness =
  | { readonly status: "draining" }
  /** Neither keys nor money can be looked up. */
  | { readonly status: "without_store" }
  /** Machines that answered before this start are not back yet, and the grace for them is not over. */
  | { readonly status: "waiting"; readonly expected: number }
  | {
      readonly status: "ready";
      /** Machines that are connected. */
      readonly providers: number;
      /** Machines that are not, and that requests wait for. */
      readonly expected: number;
      /** The grace is over, and none of them has come. */
      readonly gave_up_waiting?: true;
    };

export interface ReadinessDeps {
  readonly clock: Clock;
  readonly directory: Pick<ProviderDirectory, "size" | "expected">;
  /** Serving, and not on the way out. */
  readonly ready: () => boolean;
  /** What is wrong with the coordinator. */
  readonly troubles: () => readonly Trouble[];
  /** How long after the start machines are waited for, ms. */
  readonly readyGraceMs: number;
}

/** To be made at the start: the grace begins now. */
export function watchReadiness({ clock, directory, ready, troubles, readyGraceMs }: ReadinessDeps): () => Readiness {
  const graceUntil = clock.now() + readyGraceMs;
  let alone = directory.expected > 0;
  return () => {
    const { size: providers, expected } = directory;
    if (!ready()) return { status: "draining" };
    if (troubles().includes("store_away")) return { status: "without_store" };
    if (providers > 0 || expected === 0) alone = false;
    if (!alone) return { status: "ready", providers, expected };
    if (clock.now() < graceUntil) return { status: "waiting", expected };
    return { status: "ready", providers, expected, ...(readyGraceMs > 0 ? { gave_up_waiting: true } : {}) };
  };
}
