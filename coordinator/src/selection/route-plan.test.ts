import { expect, it } from "vitest";
import { DEFAULT_CATALOG } from "./catalog.js";
import { nextBuilds, type PlanProgress, planFor } from "./route-plan.js";

const PLAN = planFor({ ...DEFAULT_CATALOG, aliases: new Map([["al", { desired: "new", previous: "old" }]]) }, "al");
const next = (progress: Partial<PlanProgress>): readonly string[] =>
  nextBuilds(PLAN, { current: "new", attempted: new Set(["new"]), last: false, isProven: () => false, ...progress });

it("plans a model's own name, and an alias's builds in their order", () => {
  expect(planFor(DEFAULT_CATALOG, "m")).toEqual({ asked: "m", builds: ["m"] });
  expect(PLAN).toEqual({ asked: "al", builds: ["new", "old"] });
});

it("leaves a build that nobody has answered with of late", () => {
  expect(next({})).toEqual(["old", "new"]);
});

it("stays on a build that is known to work", () => {
  expect(next({ isProven: (build) => build === "new" })).toEqual(["new", "old"]);
});

it("gives the last attempt to an entry that had no chance yet", () => {
  expect(next({ isProven: () => true, last: true })).toEqual(["old", "new"]);
});

it("begins with the build of the first attempt, also when no other may follow", () => {
  expect(next({ attempted: new Set(), last: true })).toEqual(["new", "old"]);
});

it("comes back to the first when all had their chance", () => {
  expect(next({ current: "old", attempted: new Set(["new", "old"]) })).toEqual(["old", "new"]);
});
