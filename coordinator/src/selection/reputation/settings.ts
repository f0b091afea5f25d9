/** A number for each thing that counts against a machine. */
export interface PerReason {
  readonly falseReceipt: number;
  readonly falseUsage: number;
  readonly failedAfterContent: number;
  readonly falseCapability: number;
  readonly failedBeforeContent: number;
  readonly late: number;
  readonly connectionLost: number;
  readonly lostRace: number;
}

/** Everything about reputation that an operator may tune. */
export interface ReputationSettings {
  /** What it comes to at most, ms in the score. */
  readonly mostMs: number;
  /** The share of it that each good answer takes off. */
  readonly healing: number;
  /** What each thing adds, ms. */
  readonly weightMs: PerReason;
  /** What it added counts half as much after this, ms. */
  readonly halfLifeMs: PerReason;
  /** Machines that are remembered; the longest unblamed go first. */
  readonly maxMachines: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

export const DEFAULT_REPUTATION: ReputationSettings = {
  // Two requests that are queued, in the score: a machine with any record is better than a queue of three.
  mostMs: 6_000,
  // Fourteen good answers halve it; of one fault in twenty answers about its weight is left on average.
  healing: 0.05,
  weightMs: {
    // Once is all there is to say.
    falseReceipt: 6_000,
    falseUsage: 3_000,
    // One is within the tie of a choice (`selection.pick.tie_ms`), two are not.
    failedAfterContent: 3_000,
    falseCapability: 1_500,
    // Nobody saw it but us: a failover took a moment.
    failedBeforeContent: 1_000,
    late: 1_000,
    connectionLost: 1_000,
    // As much as one request that is pending, in the score.
    lostRace: 750,
  },
  halfLifeMs: {
    // Nobody signs what is not true by accident.
    falseReceipt: 6 * HOUR_MS,
    falseUsage: 6 * HOUR_MS,
    // Three times what the breaker keeps a machine out for at most.
    failedAfterContent: 30 * MINUTE_MS,
    falseCapability: 30 * MINUTE_MS,
    failedBeforeContent: 30 * MINUTE_MS,
    connectionLost: 30 * MINUTE_MS,
    // How fast a machine is changes with what its owner does beside.
    late: 10 * MINUTE_MS,
    lostRace: 10 * MINUTE_MS,
  },
  maxMachines: 10_000,
};
