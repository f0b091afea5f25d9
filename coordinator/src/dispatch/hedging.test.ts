import { describe, expect, it } from "vitest";
import { fakeTraits } from "../testing/fake-provider.js";
import { Hedging } from "./hedging.js";

function setUp({ used = 0, all = 8, depth = 0 } = {}) {
  const fleet = { used, all, depth };
  const suppressed: string[] = [];
  let won = 0;
  const hedging = new Hedging({
    picker: { slots: () => ({ used: fleet.used, all: fleet.all }) },
    queue: { depth: () => fleet.depth },
    hooks: {
      suppressed: (why) => void suppressed.push(why),
      backupWon: () => {
        won += 1;
      },
    },
  });
  const hedge = (model = "m") => hedging.hedge(fakeTraits({ model }));
  return { hedging, fleet, suppressed, hedge, won: () => won };
}

describe("a backup", () => {
  it("is paid for by its own model", () => {
    const { hedge } = setUp();
    for (let i = 0; i < 10; i++) expect(hedge()).toBeUndefined();
    expect(hedge()).toBe("budget");
    expect(hedge("other")).toBeUndefined();
  });

  it("is earned by requests, and retries are paid for first", () => {
    const { hedge, hedging } = setUp();
    for (let i = 0; i < 20; i++) hedging.retry("m");
    expect(hedge()).toBe("budget");
    for (let i = 0; i < 11; i++) hedging.primary("m");
    expect(hedge()).toBeUndefined();
  });

  it("costs nothing where nobody could take it", () => {
    const { hedge, hedging } = setUp();
    for (let i = 0; i < 30; i++) {
      expect(hedge()).toBeUndefined();
      hedging.untaken("m");
    }
  });

  it.each([
    ["the model has a queue", { depth: 1 }, "queue"],
    ["more than 80 % of the slots that could serve it are used", { used: 81, all: 100 }, "slots"],
    ["nobody could serve it", { all: 0 }, "slots"],
  ] as const)("does not start while %s, and tells so", (_name, fleet, why) => {
    const { hedge, suppressed } = setUp(fleet);
    expect(hedge()).toBe(why);
    expect(suppressed).toEqual([why]);
  });

  it("starts while 80 % are used", () => {
    expect(setUp({ used: 80, all: 100 }).hedge()).toBeUndefined();
  });

  it("does not start, but now and then, where backups of the model have not been winning", () => {
    const { hedge, hedging, won } = setUp();
    for (let i = 0; i < 16; i++) hedging.decided("m", false);
    expect(hedge()).toBe("win_rate");
    expect(hedge("other")).toBeUndefined();
    expect(won()).toBe(0);
    for (let i = 0; i < 4; i++) hedging.decided("m", true);
    expect(hedge()).toBeUndefined();
    expect(won()).toBe(4);
  });
});

describe("an attempt beside one that takes long", () => {
  const mayOvertake = ({ hedging }: ReturnType<typeof setUp>, model = "m"): boolean =>
    hedging.mayOvertake(fakeTraits({ model }));

  it("is one for four slots of the model, whatever the hedge budget says", () => {
    const bench = setUp({ all: 5 });
    for (let i = 0; i < 20; i++) bench.hedging.retry("m");
    for (let running = 0; running < 2; running++) {
      expect(mayOvertake(bench)).toBe(true);
      bench.hedging.overtaking("m", 1);
    }
    expect(mayOvertake(bench)).toBe(false);
    expect(mayOvertake(bench, "other")).toBe(true);
    bench.hedging.overtaking("m", -1);
    expect(mayOvertake(bench)).toBe(true);
  });

  it("does not start while the model has a queue, or where nobody could serve it", () => {
    expect(mayOvertake(setUp({ depth: 1 }))).toBe(false);
    expect(mayOvertake(setUp({ all: 0 }))).toBe(false);
  });
});
