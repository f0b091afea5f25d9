import { HearthError } from "../platform/errors.js";
import type { Traits } from "../selection/traits.js";

/** The right to run one request, until it is settled. */
export interface Reservation {
  readonly account: string;
  readonly admittedAt: number;
}

export interface AdmitDeps {
  readonly clock: { now(): number };
  /** Models that somebody has served since this coordinator started. */
  readonly knownModels: ReadonlySet<string>;
  readonly accepting: () => boolean;
}

/**
 * Refuses at once what cannot be served, in the order of the fail-fast ladder.
 *
 * @throws HearthError with the rung's code
 */
export function admit(deps: AdmitDeps, traits: Traits): Reservation {
  if (!deps.accepting()) {
    throw new HearthError("shutting_down", "The coordinator is restarting.", { retryAfterSeconds: 2 });
  }
  if (!deps.knownModels.has(traits.model)) {
    throw new HearthError("model_not_found", `The model '${traits.model}' does not exist.`, { param: "model" });
  }
  return { account: traits.account, admittedAt: deps.clock.now() };
}
