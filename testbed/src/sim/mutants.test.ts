import { CircuitBreaker, HedgeBudget, Hedging, ProviderSession, WaitQueue } from "@hearth/coordinator/internals";
import { afterEach, describe, expect, it, vi } from "vitest";
import { drawScenario } from "./draw-scenario.js";
import {
  type Choose,
  JUDGE_MUTANTS,
  type Judge,
  LADDER_MUTANTS,
  type Mutant,
  STEP_MUTANTS,
  STRATEGY_MUTANTS,
  type Step,
  type WhyNobody,
} from "./mutants.js";
import { runScenario, type Violation } from "./run-scenario.js";
import type { ThemeName } from "./themes.js";

// The real parts, but for the bug that a test has planted in one of them.
const planted = vi.hoisted(() => ({
  step: undefined as ((real: Step) => Step) | undefined,
  judge: undefined as ((real: Judge) => Judge) | undefined,
  whyNobody: undefined as ((real: WhyNobody) => WhyNobody) | undefined,
  choose: undefined as ((real: Choose) => Choose) | undefined,
}));
vi.mock("../../../coordinator/src/dispatch/step.js", async (load) => {
  const real = (await load<{ step: Step }>()).step;
  return { step: (...args: Parameters<Step>) => (planted.step?.(real) ?? real)(...args) };
});
vi.mock("../../../coordinator/src/request/judge.js", async (load) => {
  const real = (await load<{ judge: Judge }>()).judge;
  return { judge: (...args: Parameters<Judge>) => (planted.judge?.(real) ?? real)(...args) };
});
vi.mock("../../../coordinator/src/selection/ladder.js", async (load) => {
  const real = await load<{ whyNobody: WhyNobody }>();
  const whyNobody: WhyNobody = (...args) => (planted.whyNobody?.(real.whyNobody) ?? real.whyNobody)(...args);
  return { ...real, whyNobody };
});
vi.mock("../../../coordinator/src/selection/strategy.js", async (load) => {
  const real = (await load<{ choose: Choose }>()).choose;
  return { choose: (...args: Parameters<Choose>) => (planted.choose?.(real) ?? real)(...args) };
});

/** Seeds that the simulator may take to find a bug. */
const SEEDS = 500;

async function find(theme?: ThemeName): Promise<Violation | undefined> {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { violation } = await runScenario(drawScenario(seed, theme));
    if (violation !== undefined) return violation;
  }
  return undefined;
}

/** The bug is found, and by those who are to find it. */
async function expectFound({ theme, foundBy }: Pick<Mutant<unknown>, "theme" | "foundBy">): Promise<void> {
  const violation = await find(theme);
  expect(violation).toBeDefined();
  if (foundBy !== undefined) expect(foundBy).toContain(violation?.invariant);
}

afterEach(() => {
  planted.step = undefined;
  planted.judge = undefined;
  planted.whyNobody = undefined;
  planted.choose = undefined;
  vi.restoreAllMocks();
});

describe("the simulator finds a state machine that", () => {
  it.each(STEP_MUTANTS)("$name", async ({ plant, ...mutant }) => {
    planted.step = plant;
    await expectFound(mutant);
  });
});

describe("the simulator finds a judge that", () => {
  it.each(JUDGE_MUTANTS)("$name", async ({ plant, ...mutant }) => {
    planted.judge = plant;
    await expectFound(mutant);
  });
});

describe("the simulator finds a ladder that", () => {
  it.each(LADDER_MUTANTS)("$name", async ({ plant, ...mutant }) => {
    planted.whyNobody = plant;
    await expectFound(mutant);
  });
});

describe("the simulator finds a choice that", () => {
  it.each(STRATEGY_MUTANTS)("$name", async ({ plant, ...mutant }) => {
    planted.choose = plant;
    await expectFound(mutant);
  });
});

describe("the simulator finds", () => {
  it("a provider whose places are never given back", async () => {
    const { acquire } = ProviderSession.prototype;
    vi.spyOn(ProviderSession.prototype, "acquire").mockImplementation(function (this: ProviderSession, ...args) {
      acquire.apply(this, args);
      return { [Symbol.dispose]: () => {} };
    });
    expect((await find())?.invariant).toBe("places are live attempts");
  });

  it("a queue that is not drained", async () => {
    vi.spyOn(WaitQueue.prototype, "drain").mockImplementation(() => {});
    expect((await find())?.invariant).toBe("nobody waits who could be served");
  });

  it("a hedge budget that never runs out", async () => {
    vi.spyOn(HedgeBudget.prototype, "hedge").mockImplementation((situation) =>
      situation.queueDepth > 0 ? "queue" : undefined,
    );
    expect((await find())?.invariant).toBe("hedges stay within their budget");
  });

  it("hedges while others wait", async () => {
    const { hedge } = HedgeBudget.prototype;
    vi.spyOn(HedgeBudget.prototype, "hedge").mockImplementation(function (this: HedgeBudget, situation) {
      return hedge.call(this, { ...situation, queueDepth: 0, slotsUsed: 0 });
    });
    expect((await find())?.invariant).toBe("nobody hedges while others wait");
  });

  it("requests for those who are out", async () => {
    vi.spyOn(CircuitBreaker.prototype, "isOpen").mockReturnValue(false);
    await expectFound({ theme: "ailing", foundBy: ["nothing starts on a provider that is out"] });
  });

  it("requests side by side for one that is cooled for refusals", async () => {
    vi.spyOn(CircuitBreaker.prototype, "probe").mockReturnValue("none");
    await expectFound({ theme: "refusing", foundBy: ["nothing starts on a provider that is out"] });
  });

  it("a slow fleet that is made slower by those who overtake", async () => {
    vi.spyOn(Hedging.prototype, "mayOvertake").mockReturnValue(true);
    await expectFound({ theme: "tenfold", foundBy: ["few overtake others", "nobody hedges while others wait"] });
  });
});
