import { FakeClock } from "@hearth/platform/testing";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createLogger } from "../platform/logger.js";
import { type BudgetedKey, BudgetWatch } from "./budget-watch.js";
import type { Notice } from "./notices.js";
import { DEFAULT_NOTIFICATIONS } from "./settings.js";

let clock: FakeClock;
let told: Notice[];
let spent: bigint;
let available: bigint;
let reads: number;
let budgetShare: number;
let watch: BudgetWatch;

beforeEach(() => {
  clock = new FakeClock();
  told = [];
  spent = 0n;
  available = 0n;
  reads = 0;
  budgetShare = 0.8;
  const keySpend = async () => {
    reads += 1;
    return { taken: spent, spent: [spent] };
  };
  const part = { balance: available, reserved: 0n };
  const balance = async () => ({ credit: part, earned: part, pending: 0n, available });
  watch = new BudgetWatch({
    ...{ clock, log: createLogger("silent"), store: { keySpend, balance }, lowBalance: () => 10 },
    notices: { tell: (notice) => void told.push(notice) },
    settings: () => ({ ...DEFAULT_NOTIFICATIONS, budgetShare }),
  });
});

afterEach(() => {
  watch[Symbol.dispose]();
  expect(clock.pending).toBe(0);
});

const key = (windowStartMs = 0, limit = 100n): BudgetedKey => ({
  ...{ account: "anna", name: "bot" },
  budget: { keyId: "key_1", windowStartMs, limit },
});

async function look(used: BudgetedKey, isRefused = false): Promise<void> {
  watch.used(used, isRefused);
  await watch.look();
}

const kinds = (): readonly string[] => told.map(({ kind }) => kind);

it("tells of 80 % and of all, each under a mark of the window and the limit", async () => {
  spent = 79n;
  await look(key());
  expect(told).toEqual([]);
  spent = 80n;
  await look(key());
  spent = 100n;
  await look(key());
  expect(kinds()).toEqual(["budget.low", "budget.exhausted"]);
  await look(key(1_000));
  await look(key(0, 90n));
  expect(new Set(told.map(({ once }) => once)).size).toBe(4);
  await look(key());
  expect(new Set(told.map(({ once }) => once)).size).toBe(4);
});

it("takes a budget for spent where what is left reaches for no request, but not for one that asks for too much", async () => {
  spent = 30n;
  await look(key(), true);
  expect(told).toEqual([]);
  spent = 95n;
  await look(key(), true);
  expect(kinds()).toEqual(["budget.exhausted"]);
});

it("tells of the end alone where the operator wants that", async () => {
  budgetShare = 1;
  spent = 99n;
  await look(key());
  expect(told).toEqual([]);
  spent = 100n;
  await look(key());
  expect(kinds()).toEqual(["budget.exhausted"]);
});

it("looks at a key twice after its last request, as its cost may come late, and then no more", async () => {
  await look(key());
  for (let n = 0; n < 9; n++) await watch.look();
  expect(reads).toBe(2);
});

it("tells of an account that has next to nothing left, and of no other one", async () => {
  available = 11n;
  watch.short("anna");
  await watch.look();
  expect(told).toEqual([]);
  available = 10n;
  watch.short("anna");
  await watch.look();
  expect(told).toMatchObject([{ kind: "balance.exhausted", once: "balance/anna/1970-01-01" }]);
});
