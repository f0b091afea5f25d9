import { FakeClock } from "@hearth/platform/testing";
import { expect, it } from "vitest";
import type { EarningsLine, EarningsQuery } from "../store/ledger-reports.js";
import { EarningsOfMachines } from "./earnings-of-machines.js";

const DAY_MS = 86_400_000;
/** 2026-11-26, a Thursday. */
const THURSDAY = Date.UTC(2026, 10, 26);

/** A ledger in which machine `a` has earned 1 on Sunday, 10 on Monday and 100 on Thursday. */
function ledger(asked: EarningsQuery[] = []) {
  const earned = [
    { at: THURSDAY - 4 * DAY_MS, net: 1n },
    { at: THURSDAY - 3 * DAY_MS, net: 10n },
    { at: THURSDAY, net: 100n },
  ];
  return {
    async earnings(query: EarningsQuery): Promise<readonly EarningsLine[]> {
      asked.push(query);
      const net = earned.filter(({ at }) => at >= query.fromMs).reduce((sum, each) => sum + each.net, 0n);
      return net === 0n ? [] : [{ machine: "a", net } as EarningsLine];
    },
  };
}

function clockAt(wallMs: number): FakeClock {
  const clock = new FakeClock();
  const start = clock.now();
  clock.wallTime = () => wallMs + clock.now() - start;
  return clock;
}

it("adds up the day of UTC, the week from Monday and everything", async () => {
  const earnings = new EarningsOfMachines({ clock: clockAt(THURSDAY + 5), ledger: ledger(), isPriced: () => false });
  expect(await earnings.of({ id: "a", account: "anna" })).toEqual({
    today_micro_usd: 100,
    week_micro_usd: 110,
    total_micro_usd: 111,
    as_of: THURSDAY + 5,
  });
});

it("tells a machine that has earned nothing so where it could have, and nothing where it could not", async () => {
  const clock = clockAt(THURSDAY);
  const of = (isPriced: boolean) =>
    new EarningsOfMachines({ clock, ledger: ledger(), isPriced: () => isPriced }).of({ id: "b", account: "anna" });
  expect(await of(true)).toMatchObject({ today_micro_usd: 0, total_micro_usd: 0 });
  expect(await of(false)).toBeUndefined();
});

it("asks once for all machines of an account, and anew after a while", async () => {
  const asked: EarningsQuery[] = [];
  const clock = clockAt(THURSDAY);
  const earnings = new EarningsOfMachines({ clock, ledger: ledger(asked), isPriced: () => true });
  for (const id of ["a", "b", "c"]) await earnings.of({ id, account: "anna" });
  expect(asked).toHaveLength(3);
  clock.advance(30_000);
  await earnings.of({ id: "a", account: "anna" });
  expect(asked).toHaveLength(6);
});

it("asks again where the store was away", async () => {
  let away = true;
  const real = ledger();
  const flaky = {
    earnings: (query: EarningsQuery) => (away ? Promise.reject(new Error("away")) : real.earnings(query)),
  };
  const earnings = new EarningsOfMachines({ clock: clockAt(THURSDAY), ledger: flaky, isPriced: () => true });
  await expect(earnings.of({ id: "a", account: "anna" })).rejects.toThrow("away");
  away = false;
  expect(await earnings.of({ id: "a", account: "anna" })).toMatchObject({ total_micro_usd: 111 });
});
