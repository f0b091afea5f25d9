/** Where owners' webhooks may be: `private` = also on private networks and without TLS. */
export const OWNER_WEBHOOKS = ["public", "private", "off"] as const;
export type OwnerWebhooks = (typeof OWNER_WEBHOOKS)[number];

/** What the operator is told of by webhook, and how much of it. */
export interface NotificationSettings {
  /** How often it is looked for what is to be told, ms; read at the start. */
  readonly lookMs: number;
  /** A model is out when it could not be served for so long, ms; 0 = never told. */
  readonly outageMs: number;
  /** A machine is offline when it has been away for so long, ms; 0 = never told. */
  readonly offlineMs: number;
  /** Between two messages about the same subject, ms. */
  readonly gapMs: number;
  /** Messages of one kind within an hour; what is more waits, unless it is over by then. */
  readonly mostAnHour: number;
  /** Models, machines and budgets that are kept in mind, of each so many. */
  readonly subjects: number;
  /** The hour of the day, UTC, in which the ledger is added up; -1 = never. */
  readonly auditHour: number;
  /** The part of a key's budget from which on it is told that little is left; 1 = only that it is spent. */
  readonly budgetShare: number;
}

export const DEFAULT_NOTIFICATIONS: NotificationSettings = {
  lookMs: 10_000,
  outageMs: 5 * 60_000,
  offlineMs: 10 * 60_000,
  gapMs: 5 * 60_000,
  mostAnHour: 60,
  subjects: 10_000,
  auditHour: 3,
  budgetShare: 0.8,
};
