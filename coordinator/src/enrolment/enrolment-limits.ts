const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** Bounds of enrolment. A guess at a user code succeeds with at most 2,000 in 20^8, and nobody has many guesses. */
export const ENROLMENT_LIMITS = {
  /** How long a device code and its user code may be used, ms. */
  codeLifetimeMs: 15 * MINUTE_MS,
  /** Pause between two polls of a machine, ms (RFC 8628 §3.2), and what `slow_down` adds to it (§3.5). */
  pollIntervalMs: 5_000,
  slowDownMs: 5_000,
  /** A poll that comes this much too soon is let pass, ms: a network delays one poll more than the next. */
  pollToleranceMs: 500,
  /** Codes that may be open at once, in all and for one address. */
  openCodes: 2_000,
  openCodesPerAddress: 50,
  /** Wrong user codes, API keys or tokens that one account or address may send within the window. */
  wrongGuesses: 10,
  guessWindowMs: 15 * MINUTE_MS,
  machinesPerAccount: 10_000,
  /** Enrolment tokens of one account that can still be used. */
  unusedTokensPerAccount: 10_000,
  tokensPerOrder: 1_000,
  defaultTokenLifetimeMs: DAY_MS,
  maxTokenLifetimeMs: 30 * DAY_MS,
  /** How long the list shows what was revoked, used or has expired, ms. */
  retentionMs: 90 * DAY_MS,
  pruneIntervalMs: DAY_MS,
  /** How often it is written down when machines were last seen, ms. */
  seenIntervalMs: MINUTE_MS,
} as const;
