/** The numbers of the breaker: `docs/dispatch.md`, rule 12. Read at each use: they may change while it runs. */
export interface BreakerSettings {
  /** Faults that another provider has confirmed, to open by themselves. */
  readonly confirmedToOpen: number;
  /** Faults that nobody has confirmed, to open by themselves. Each kind counts its share. */
  readonly unconfirmedToOpen: number;
  /** Attempts past their own deadline that are one fault, and open by themselves. */
  readonly latesToOpen: number;
  /** Faults, late attempts and refusals that are further apart than this do not add up, ms. */
  readonly windowMs: number;
  /** Outcomes remembered for each provider, model and shape. */
  readonly outcomesKept: number;
  /** Faults open only when they are more than this share of themselves and the remembered successes. */
  readonly faultShare: number;
  /** How long it is open the first time, ms; each further time is twice as long. */
  readonly baseOpenMs: number;
  readonly maxOpenMs: number;
  /** Share of that time that chance adds, so that providers do not come back in step. */
  readonly jitter: number;
  /** Closed and without a fault for so long takes one doubling back, ms. */
  readonly healthyMs: number;
  /** Models and shapes of one machine that are out at once, for the machine to be out for all. */
  readonly openToFenceMachine: number;
  /** Connections lost within this of each other may be our own network's, ms. */
  readonly outageWindowMs: number;
  /** They are when more than this share of the fleet lost theirs. */
  readonly outageShare: number;
  /** Machines that must have lost theirs: in a fleet of one or two nobody can tell. */
  readonly outageMachines: number;
  /** How long a refusal outweighs the room that older heartbeats show, ms. */
  readonly disbeliefMs: number;
  /** Refusals without an accept that cool a provider and model. */
  readonly refusalsToCool: number;
  /** The first capacity cooldown, ms; each further one is twice as long. */
  readonly baseCooldownMs: number;
  readonly maxCooldownMs: number;
  /** Records kept at most; the longest untouched go first, open ones last. Bounds memory to some 20 MB. */
  readonly maxRecords: number;
}

/** The values of `docs/dispatch.md`, rule 12. */
export const DEFAULT_BREAKER: BreakerSettings = {
  confirmedToOpen: 2,
  unconfirmedToOpen: 3,
  latesToOpen: 2,
  windowMs: 60_000,
  outcomesKept: 20,
  faultShare: 0.2,
  baseOpenMs: 30_000,
  maxOpenMs: 600_000,
  jitter: 0.2,
  healthyMs: 60_000,
  openToFenceMachine: 2,
  outageWindowMs: 2_000,
  outageShare: 0.5,
  outageMachines: 3,
  disbeliefMs: 15_000,
  refusalsToCool: 5,
  baseCooldownMs: 120_000,
  maxCooldownMs: 600_000,
  maxRecords: 20_000,
};
