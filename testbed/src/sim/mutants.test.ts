import { HedgeBudget, ProviderSession, WaitQueue } from "@hearth/coordinator/internals";
import { afterEach, describe, expect, it, vi } from "vitest";
import { drawScenario } from "./draw-scenario.js";
import { STEP_MUTANTS, type Step } from "./mutants.js";
import { runScenario, type Violation } from "./run-scenario.js";

// The real state machine, but for the bug that a test has planted in it.
const planted = vi.hoisted(() => ({ mutate: undefined as ((real: Step) => Step) | undefined }));
vi.mock("../../../coordinator/src/dispatch/step.js", async (load) => {
  const real = (await load<{ step: Step }>()).step;
  let source: unknown;
  let mutant: Step = real;
  const step: Step = (state, input, policy) => {
    if (planted.mutate !== source) {
      source = planted.mutate;
      mutant = planted.mutate?.(real) ?? real;
    }
    return mutant(state, input, policy);
  };
  return { step };
});

/** Seeds that the simulator may take to find a bug. */
const SEEDS = 500;

async function find(): Promise<{ readonly seed: number; readonly violation: Violation } | undefined> {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { violation } = await runScenario(drawScenario(seed));
    if (violation !== undefined) return { seed, violation };
  }
  return undefined;
}

afterEach(() => {
  planted.mutate = undefined;
  vi.restoreAllMocks();
});

describe("the simulator finds a state machine that", () => {
  it.each(STEP_MUTANTS)("$name", async ({ plant }) => {
    planted.mutate = plant;
    expect(await find()).toBeDefined();
  });
});

describe("the simulator finds", () => {
  it("a provider whose places are never given back", async () => {
    const { acquire } = ProviderSession.prototype;
    vi.spyOn(ProviderSession.prototype, "acquire").mockImplementation(function (this: ProviderSession, ...args) {
      acquire.apply(this, args);
      return { [Symbol.dispose]: () => {} };
    });
    expect((await find())?.violation.invariant).toBe("places are live attempts");
  });

  it("a queue that is not drained", async () => {
    vi.spyOn(WaitQueue.prototype, "drain").mockImplementation(() => {});
    expect((await find())?.violation.invariant).toBe("nobody waits who could be served");
  });

  it("a hedge budget that never runs out", async () => {
    vi.spyOn(HedgeBudget.prototype, "hedge").mockImplementation((situation) =>
      situation.queueDepth > 0 ? "queue" : undefined,
    );
    expect((await find())?.violation.invariant).toBe("hedges stay within their budget");
  });

  it("hedges while others wait", async () => {
    const { hedge } = HedgeBudget.prototype;
    vi.spyOn(HedgeBudget.prototype, "hedge").mockImplementation(function (this: HedgeBudget, situation) {
      return hedge.call(this, { ...situation, queueDepth: 0, slotsUsed: 0 });
    });
    expect((await find())?.violation.invariant).toBe("nobody hedges while others wait");
  });
});
