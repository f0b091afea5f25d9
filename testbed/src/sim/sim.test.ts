import { expect, it } from "vitest";
import { drawScenario } from "./draw-scenario.js";
import { REGRESSION_SEEDS, type RegressionSeed } from "./regression-seeds.js";
import { runScenario } from "./run-scenario.js";

it("no invariant breaks in the first 200 seeds, and no seed that ever failed fails again", async () => {
  const seeds: Pick<RegressionSeed, "seed" | "theme">[] = Array.from({ length: 200 }, (_, index) => ({
    seed: index + 1,
  }));
  for (const { seed, theme } of [...seeds, ...REGRESSION_SEEDS]) {
    const { violation } = await runScenario(drawScenario(seed, theme));
    expect(violation, `seed ${seed} ${theme ?? ""}`).toBeUndefined();
  }
});

it("a seed tells the same story every time", async () => {
  const stories = [0, 1].map(async () => (await runScenario(drawScenario(7), { traced: true })).trace);
  const [first, second] = await Promise.all(stories);
  expect(second).toEqual(first);
});
