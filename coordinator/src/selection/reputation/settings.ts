/** A number for each reason that counts against a machine. */
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
  /** The most that a record weighs, ms in the score. */
  readonly mostMs: number;
  /** Share of the weight that each good answer takes off. */
  readonly healing: number;
  /** What each occurrence adds, ms. */
  readonly weightMs: PerReason;
  /** Half-life of what an occurrence added, ms. */
  readonly halfLifeMs: PerReason;
  /** Machines that are remembered; the longest unblamed is dropped first. */
  readonly maxMachines: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

export const DEFAULT_REPUTATION: ReputationSettings = {
  // As much as two queued requests in the score: even the worst record is better than waiting behind three.
  mostMs: 6_000,
  // Fourteen good answers halve it; one fault in twenty answers leaves about the weight of one fault on average.
  healing: 0.05,
  weightMs: {
    // One is enough for the maximum.
    falseReceipt: 6_000,
    falseUsage: 3_000,
    // One is within the tolerance of a tie (`selection.pick.tie_ms`), two are not.
    failedAfterContent: 3_000,
    falseCapability: 1_500,
    // The consumer noticed nothing but the moment that the failover took.
    failedBeforeContent: 1_000,
    late: 1_000,
    connectionLost: 1_000,
    // As much as one pending request in the score.
    lostRace: 750,
  },
  halfLifeMs: {
    // A false signature is never an accident.
    falseReceipt: 6 * HOUR_MS,
    falseUsage: 6 * HOUR_MS,
    // Three times the longest open time of the breaker.
    failedAfterContent: 30 * MINUTE_MS,
    falseCapability: 30 * MINUTE_MS,
    failedBeforeContent: 30 * MINUTE_MS,
    connectionLost: 30 * MINUTE_MS,
    // A machine's speed changes with what its owner does on it.
    late: 10 * MINUTE_MS,
    lostRace: 10 * MINUTE_MS,
  },
  maxMachines: 10_000,
};
