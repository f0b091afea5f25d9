import { expect, it } from "vitest";
import { drawScenario } from "./draw-scenario.js";
import { REGRESSION_SEEDS, type RegressionSeed } from "./regression-seeds.js";
import { runScenario } from "./run-scenario.js";

it("no invariant breaks in the first 200 seeds, and no seed that ever failed fails again", async () => {
  // Not drawn by chance: see the weights of the themes.
  const refusing = firstSeeds(30).map((each) => ({ ...each, theme: "refusing" as const }));
  for (const { seed, theme } of [...firstSeeds(200), ...refusing, ...REGRESSION_SEEDS]) {
    const { violation } = await runScenario(drawScenario(seed, theme));
    expect(violation, `seed ${seed} ${theme ?? ""}`).toBeUndefined();
  }
});

function firstSeeds(count: number): Pick<RegressionSeed, "seed" | "theme">[] {
  return Array.from({ length: count }, (_, index) => ({ seed: index + 1 }));
}

it("a seed tells the same story every time", async () => {
  const stories = [0, 1].map(async () => (await runScenario(drawScenario(7), { traced: true })).trace);
  const [first, second] = await Promise.all(stories);
  expect(second).toEqual(first);
});
