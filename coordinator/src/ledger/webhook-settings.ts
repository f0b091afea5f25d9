/** How the operator's program is told of what happens to money. */
export interface WebhookSettings {
  /** How often messages are looked for, ms; read at the start. */
  readonly lookMs: number;
  /** Messages that are on their way at once: one that is answered late must not hold up the others. */
  readonly atOnce: number;
  /** How long an answer may take, ms. */
  readonly answerMs: number;
  /** A message that was not taken is told again after this, twice as long each time … */
  readonly firstRetryMs: number;
  /** … and no less often than this, ms. */
  readonly lastRetryMs: number;
}

export const DEFAULT_WEBHOOKS: WebhookSettings = {
  lookMs: 2_000,
  atOnce: 8,
  answerMs: 10_000,
  firstRetryMs: 5_000,
  lastRetryMs: 6 * 3_600_000,
};

/** How long a message waits that was not taken so often, ms. */
export const retryMs = (attempts: number, { firstRetryMs, lastRetryMs }: WebhookSettings): number =>
  Math.min(firstRetryMs * 2 ** Math.min(attempts, 20), lastRetryMs);
