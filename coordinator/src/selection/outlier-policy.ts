/** The numbers of outlier detection: `docs/dispatch.md`, _The breaker_. */
export const OUTLIER = {
  faultsToOpen: 2,
  windowMs: 60_000,
  baseEjectionMs: 30_000,
  maxEjectionMs: 600_000,
  /** Share of an ejection that chance adds, so that providers do not come back in step. */
  jitter: 0.2,
  healthyMinuteMs: 60_000,
  disbeliefMs: 15_000,
  refusalsToCool: 5,
  baseCapacityCooldownMs: 120_000,
  /** Records kept at most; the longest untouched go first. */
  maxRecords: 20_000,
} as const;
