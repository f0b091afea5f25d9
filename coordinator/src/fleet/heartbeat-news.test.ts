import { FakeClock } from "@hearth/platform/testing";
import type { ProviderId, Reputation } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import { createLogger } from "../platform/logger.js";
import { HeartbeatNews, type NewsDeps } from "./heartbeat-news.js";
import { NO_RULES } from "./trust/runtime-manifest.js";
import type { Work } from "./work-history.js";

const MACHINE = { id: "p" as ProviderId, account: "a", enrolmentId: undefined, agentVersion: "1.0.0" };
const common = { clock: new FakeClock(), log: createLogger("silent"), rules: () => NO_RULES };

/** What is told with one heartbeat after another, as a machine's standing is so at each. */
function tell(...standings: readonly Reputation[]): readonly (Reputation | undefined)[] {
  let now = standings[0] as Reputation;
  const news = new HeartbeatNews(MACHINE, {
    ...common,
    standing(id) {
      expect(id).toBe("p");
      return now;
    },
  });
  return standings.map((standing) => {
    now = standing;
    return news.take().reputation;
  });
}

const clean: Reputation = { score: 100, reasons: {} };
const late = (count: number, ms: number, score: number): Reputation => ({ score, reasons: { late: { count, ms } } });

describe("the standing of a machine", () => {
  it("is told with the first answer, also where nothing is held against it, and not again while it is so", () => {
    expect(tell(clean, clean)).toEqual([clean, undefined]);
    expect(tell(late(1, 1_000, 83))).toEqual([late(1, 1_000, 83)]);
  });

  it("is told again when the score, a count or a reason is another, and not for milliseconds that fade", () => {
    const told = [late(1, 1_000, 83), late(1, 990, 83), late(1, 970, 82), late(2, 970, 82), clean];
    expect(tell(...told)).toEqual([told[0], undefined, told[2], told[3], told[4]]);
    const race: Reputation = { score: 83, reasons: { lost_race: { count: 1, ms: 1_000 } } };
    const both: Reputation = { score: 83, reasons: { ...late(1, 1_000, 83).reasons, ...race.reasons } };
    expect(tell(late(1, 1_000, 83), race, both)).toEqual([late(1, 1_000, 83), race, both]);
  });

  it("is not told where nobody knows it", () => {
    expect(new HeartbeatNews(MACHINE, common).take()).toEqual({});
  });
});

describe("whether a machine could get requests", () => {
  const clock = new FakeClock();
  let gates: string | undefined;
  const eligibility = { gates: () => gates, of: () => [{ model: "m", gates: [gates ?? ""] }] };
  const start = (): HeartbeatNews => new HeartbeatNews(MACHINE, { ...common, clock, eligibility });
  const told = (news: HeartbeatNews, hasLost = false) => news.take(hasLost).eligibility?.[0]?.gates[0];

  it("is told with the first answer, and again when a gate opens or closes", () => {
    gates = "a";
    const news = start();
    expect(told(news)).toBe("a");
    expect(told(news)).toBeUndefined();
    gates = "b";
    expect(told(news)).toBe("b");
    gates = undefined;
    expect(told(news)).toBeUndefined();
  });

  it("is told again while others are chosen, but not with every answer", () => {
    gates = "a";
    const news = start();
    expect(told(news, true)).toBe("a");
    clock.advance(9_999);
    expect(told(news, true)).toBeUndefined();
    clock.advance(1);
    expect(told(news)).toBeUndefined();
    expect(told(news, true)).toBe("a");
    expect(told(news, true)).toBeUndefined();
  });
});

describe("the heartbeats that are answered", () => {
  const nothing = { picked: 0, lost: 0, rejected: {} };

  /** Which of several are, each some ms after the one before. @param work of each */
  function answered(gapMs: number, works: readonly Work[], deps: Partial<NewsDeps> = {}): readonly boolean[] {
    const clock = new FakeClock();
    const news = new HeartbeatNews(MACHINE, { ...common, ...deps, clock });
    return works.map((work) => {
      const answer = news.answer(MACHINE.id, work);
      clock.advance(gapMs);
      return answer !== undefined;
    });
  }
  const idle = (count: number): readonly Work[] => Array.from({ length: count }, () => nothing);

  it("are each third of those that come every 5 s, where there is nothing to tell", () => {
    expect(answered(5_000, idle(8))).toEqual([true, false, false, true, false, false, true, false]);
  });

  it("are all that come out of turn, and all that come seldom", () => {
    expect(answered(1_000, idle(4))).toEqual([true, true, true, true]);
    expect(answered(15_000, idle(4))).toEqual([true, true, true, true]);
  });

  it.each<[string, Partial<Work>]>([
    ["was chosen", { picked: 1 }],
    ["lost", { lost: 1 }],
    ["was not eligible", { rejected: { tools: 1 } }],
  ])("are all in which a machine %s", (_name, work) => {
    expect(answered(5_000, [nothing, { ...nothing, ...work }, nothing])).toEqual([true, true, false]);
  });

  it("are those with news, of which a version that it was told is none", () => {
    let score = 100;
    const standing = (): Reputation => ({ score, reasons: {} });
    const update = { latest_version: "9.0.0" };
    const rules = () => ({ ...NO_RULES, manifest: { ...NO_RULES.manifest, update } });
    expect(answered(5_000, idle(2), { rules })).toEqual([true, false]);
    const clock = new FakeClock();
    const news = new HeartbeatNews(MACHINE, { ...common, clock, standing });
    expect(news.answer(MACHINE.id, nothing)).toMatchObject({ reputation: { score: 100 } });
    clock.advance(5_000);
    score = 90;
    expect(news.answer(MACHINE.id, nothing)).toMatchObject({ reputation: { score: 90 } });
  });
});
