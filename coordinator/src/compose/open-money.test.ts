import { FakeClock } from "@hearth/platform/testing";
import { expect, it } from "vitest";
import { DEFAULT_LEDGER } from "../ledger/ledger-settings.js";
import { DEFAULT_WEBHOOKS } from "../ledger/webhook-settings.js";
import { createLogger } from "../platform/logger.js";
import { createMetrics } from "../platform/metrics.js";
import { DEFAULT_PAYMENTS } from "../request/payment-settings.js";
import type { LedgerRetention } from "../store/ledger-store.js";
import { openMemoryStore } from "../store/sqlite/open-sqlite-store.js";
import { openMoney } from "./open-money.js";

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

it("forgets what is kept no longer every hour, as the operator has it then, until it is stopped", async () => {
  const clock = new FakeClock();
  const store = openMemoryStore();
  const asked: LedgerRetention[] = [];
  const ledger = { ...store.ledger, prune: async (before: LedgerRetention) => asked.push(before) };
  let settings = DEFAULT_LEDGER;
  const money = await openMoney({
    ...{ clock, store: ledger, node: "one", log: createLogger("silent"), metrics: createMetrics() },
    isWebhookTurn: () => true,
    ledgerSettings: () => settings,
    paymentSettings: () => DEFAULT_PAYMENTS,
    webhookSettings: () => DEFAULT_WEBHOOKS,
  });
  settings = { ...settings, reservationDays: 10, deliveredDays: 20, undeliveredDays: 30 };
  clock.advance(HOUR_MS);
  const now = clock.wallTime();
  expect(asked).toEqual([
    { resolved: now - 10 * DAY_MS, delivered: now - 20 * DAY_MS, undelivered: now - 30 * DAY_MS },
  ]);
  await money.stop();
  clock.advance(HOUR_MS);
  expect(asked).toHaveLength(1);
  await store.close();
});
