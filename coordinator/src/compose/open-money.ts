import { join } from "node:path";
import type { Clock } from "@hearth/platform";
import { JOURNAL_FILE } from "../ledger/journal.js";
import { Ledger, type LedgerHooks } from "../ledger/ledger.js";
import type { LedgerSettings } from "../ledger/ledger-settings.js";
import type { WebhookTarget } from "../ledger/webhook-message.js";
import type { WebhookSettings } from "../ledger/webhook-settings.js";
import { Webhooks } from "../ledger/webhooks.js";
import { wordsOf } from "../notifications/words.js";
import type { Logger } from "../platform/logger.js";
import type { Metrics } from "../platform/metrics.js";
import { Pruning } from "../platform/pruning.js";
import type { PaymentSettings } from "../request/payment-settings.js";
import { Payments } from "../request/payments.js";
import { LEDGER_PRUNE_BATCH, type LedgerRetention, type LedgerStore } from "../store/ledger-store.js";

/** What pays for requests. */
export interface Money {
  readonly ledger: Ledger;
  readonly payments: Payments;
  /** @returns what could not be told to the store, in words for the operator; the next start tells it */
  stop(): Promise<readonly string[]>;
}

export interface MoneyOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly store: LedgerStore;
  /** Names this coordinator among those of its database. */
  readonly node: string;
  /** Who is told of payouts and refunds; absent = nobody. */
  readonly webhook?: WebhookTarget | undefined;
  /** Whether this coordinator tells them, and none beside it. */
  readonly isWebhookTurn: () => boolean;
  /** Where what is owed to a store that is away is written down; absent = nowhere. */
  readonly journalDir?: string;
  // As the operator has them now: read at each use.
  readonly ledgerSettings: () => LedgerSettings;
  readonly paymentSettings: () => PaymentSettings;
  readonly webhookSettings: () => WebhookSettings;
}

/** Opens the ledger, and resolves what an earlier process has left open. @throws what the store or the disk throws */
export async function openMoney({ journalDir, webhook, node, ledgerSettings, ...rest }: MoneyOptions): Promise<Money> {
  const { clock, log, metrics, store, paymentSettings, webhookSettings, isWebhookTurn: isOurTurn } = rest;
  const ledger = await Ledger.open({
    ...{ clock, log, store, node },
    hooks: ledgerHooks(metrics),
    journalPath: journalDir === undefined ? undefined : join(journalDir, JOURNAL_FILE),
    get settings() {
      return ledgerSettings();
    },
  });
  const payments = new Payments({ clock, log, ledger, settings: paymentSettings });
  const webhooks =
    webhook &&
    new Webhooks({ clock, log, store, isOurTurn, target: webhook, words: wordsOf, settings: webhookSettings });
  const prune = (): Promise<number> => store.prune(retentionOf(ledgerSettings(), clock.wallTime()));
  const pruning = new Pruning({ clock, log, what: "ledger", batch: LEDGER_PRUNE_BATCH, prune });
  return {
    ledger,
    payments,
    async stop() {
      pruning[Symbol.dispose]();
      webhooks?.[Symbol.dispose]();
      payments[Symbol.dispose]();
      const owed = await ledger.stop();
      return owed === 0 ? [] : [`${owed} entries of the ledger, which the next start makes`];
    },
  };
}

const DAY_MS = 24 * 3_600_000;

function retentionOf(settings: LedgerSettings, nowMs: number): LedgerRetention {
  const { reservationDays, deliveredDays, undeliveredDays } = settings;
  return {
    resolved: nowMs - reservationDays * DAY_MS,
    delivered: nowMs - deliveredDays * DAY_MS,
    undelivered: nowMs - undeliveredDays * DAY_MS,
  };
}

function ledgerHooks({ ledgerEvents, charged }: Metrics): LedgerHooks {
  const count = (event: string): void => ledgerEvents.inc({ event });
  return {
    reserved: () => count("reserved"),
    insufficient: (limitedBy) => count(`insufficient_${limitedBy}`),
    posted(amount, lost) {
      count("posted");
      charged.inc({ to: "consumer" }, Number(amount));
      charged.inc({ to: "platform" }, Number(lost));
    },
    voided: () => count("voided"),
    abandoned: (as) => count(`abandoned_${as}`),
    owed: () => count("owed"),
    lost: () => count("lost"),
  };
}
