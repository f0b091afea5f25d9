/** The numbers of the breaker (`docs/dispatch.md`, rule 12). Read at each use: they may change at run time. */
export interface BreakerSettings {
  /** This many faults that another provider has confirmed open the breaker. */
  readonly confirmedToOpen: number;
  /** This many unconfirmed faults open it. When both kinds occur, each counts as its fraction. */
  readonly unconfirmedToOpen: number;
  /** This many attempts past their own deadline count as one fault and open it. */
  readonly latesToOpen: number;
  /** Faults, late attempts and refusals that are further apart than this do not add up, ms. */
  readonly windowMs: number;
  /** Outcomes remembered for each provider, model and shape. */
  readonly outcomesKept: number;
  /** Faults open it only when they are more than this share of the remembered faults and successes. */
  readonly faultShare: number;
  /** How long it stays open the first time, ms; each further time is twice as long. */
  readonly baseOpenMs: number;
  readonly maxOpenMs: number;
  /** Up to this share is added to that time at random, so that providers do not come back all at once. */
  readonly jitter: number;
  /** Each time this long, closed and without a fault, takes one doubling back, ms. */
  readonly healthyMs: number;
  /** When the breakers of this many models and shapes of a machine are open, the machine gets no requests at all. */
  readonly openToFenceMachine: number;
  /** Connections lost within this of each other may have been lost by our own network, ms … */
  readonly outageWindowMs: number;
  /** … which is assumed when more than this share of the fleet lost theirs … */
  readonly outageShare: number;
  /** … and at least this many machines did: with one or two nobody can tell. */
  readonly outageMachines: number;
  /** How long a refusal outweighs free slots in older heartbeats, ms. */
  readonly disbeliefMs: number;
  /** This many refusals without an accept between them start a capacity cooldown. */
  readonly refusalsToCool: number;
  /** The first capacity cooldown, ms; each further one is twice as long. */
  readonly baseCooldownMs: number;
  readonly maxCooldownMs: number;
  /** Records kept at most, some 20 MB. The longest untouched is dropped first, those that are open last. */
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
