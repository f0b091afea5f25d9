import { setImmediate as turn } from "node:timers/promises";
import { FakeClock } from "@hearth/platform/testing";
import { type Earnings, LIMITS, type ProviderId } from "@hearth/protocol";
import { pino } from "pino";
import { beforeEach, describe, expect, it } from "vitest";
import { type EarningMachine, EarningsNews, type MachineEarnings } from "./machine-earnings.js";

const MINUTE = LIMITS.earningsIntervalMs;
const MACHINE = { id: "prv_1" as ProviderId, account: "ann", enrolmentId: "mach_1" };
/** 2026-01-05, a Monday. */
const MONDAY = Date.UTC(2026, 0, 5);

const earned = (today: number, as_of = MONDAY): Earnings => ({
  today_micro_usd: today,
  week_micro_usd: today + 10,
  total_micro_usd: today + 100,
  as_of,
});

let clock: FakeClock;
let asked: EarningMachine[];
let logged: string[];
beforeEach(() => {
  clock = new FakeClock();
  asked = [];
  logged = [];
});

function newsFrom(of: () => ReturnType<MachineEarnings["of"]>): EarningsNews {
  const log = pino({ base: null }, { write: (line) => void logged.push(line) });
  const earnings: MachineEarnings = {
    of(machine) {
      asked.push(machine);
      return of();
    },
  };
  return new EarningsNews(MACHINE, { earnings, clock, log });
}

/** What is told by heartbeats every five seconds. */
function beats(news: EarningsNews, count: number): (Earnings | undefined)[] {
  return Array.from({ length: count }, () => {
    clock.advance(LIMITS.heartbeatIntervalMs);
    return news.take();
  });
}

describe("the news of a machine's earnings", () => {
  it("are told with the first answer, and asked for by the machine and its account", () => {
    const news = newsFrom(() => earned(1));
    expect(news.take()).toEqual(earned(1));
    expect(news.take()).toBeUndefined();
    expect(asked).toEqual([MACHINE]);
  });

  it("are told as soon as they are known, where that takes a while, and keep no heartbeat waiting", async () => {
    let know = (_: Earnings): void => {};
    const news = newsFrom(() => new Promise<Earnings>((resolve) => (know = resolve)));
    expect(beats(news, 30).filter(Boolean)).toEqual([]);
    expect(asked).toHaveLength(1);
    know(earned(1));
    await turn();
    expect(news.take()).toEqual(earned(1));
  });

  it("are told again only when they have changed, and asked for once a minute", () => {
    let now = earned(1);
    const news = newsFrom(() => now);
    expect(news.take()).toEqual(earned(1));
    expect(beats(news, 60).filter(Boolean)).toEqual([]);
    expect(asked).toHaveLength(6);
    now = earned(2);
    expect(beats(news, 60).filter(Boolean)).toEqual([earned(2)]);
  });

  it("are a minute apart, though they change all the time and the answers come late", async () => {
    let n = 0;
    const answers: (() => void)[] = [];
    const news = newsFrom(() => new Promise((resolve) => answers.push(() => resolve(earned(n++)))));
    const toldAt: number[] = [];
    for (let beat = 0; beat < 100; beat++) {
      clock.advance(LIMITS.heartbeatIntervalMs);
      if (beat % 7 === 0) for (const answer of answers.splice(0)) answer();
      await turn();
      if (news.take() !== undefined) toldAt.push(clock.now());
    }
    const pauses = toldAt.slice(1).map((at, i) => at - (toldAt[i] ?? 0));
    expect(pauses.length).toBeGreaterThan(3);
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(MINUTE);
  });

  it("are told anew on the next day, though nothing was earned on either", () => {
    let as_of = MONDAY;
    const news = newsFrom(() => earned(0, as_of));
    news.take();
    as_of += 86_400_000;
    expect(beats(news, 24).filter(Boolean)).toEqual([earned(0, as_of)]);
  });

  it("are none of a machine that nothing is known of", () => {
    expect(
      beats(
        newsFrom(() => undefined),
        30,
      ).filter(Boolean),
    ).toEqual([]);
  });

  it.each<[string, () => ReturnType<MachineEarnings["of"]>]>([
    [
      "throws",
      () => {
        throw new Error("away");
      },
    ],
    ["rejects", () => Promise.reject(new Error("away"))],
    ["says what no frame can carry", () => earned(0.5)],
    ["says later what no frame can carry", async () => earned(Number.NaN)],
  ])("are asked for again after a minute when the source %s", async (_how, fails) => {
    let source = fails;
    const news = newsFrom(() => source());
    await turn();
    expect(news.take()).toBeUndefined();
    expect(logged).toEqual([expect.stringContaining("earnings not known")]);
    source = () => earned(3);
    expect(beats(news, 24).filter(Boolean)).toEqual([earned(3)]);
    expect(asked.length).toBeLessThanOrEqual(3);
  });
});
