import { describe, expect, it } from "vitest";
import {
  mismatchesOf,
  NO_RULES,
  type RuntimeReport,
  type RuntimeRules,
  RuntimeVerdict,
  runtimeManifestSchema,
  updateNotice,
} from "./runtime-manifest.js";

const [A, B] = ["a".repeat(64), "b".repeat(64)];
const report = (changes: Partial<RuntimeReport> = {}): RuntimeReport => ({
  binaryHash: A,
  agentVersion: "1.2.0",
  models: [{ id: "m", capabilities: {}, weights_hash: A, template_hash: A }],
  ...changes,
});
const rules = (given: object, versionFloor?: string): RuntimeRules => {
  return { manifest: runtimeManifestSchema.parse(given), versionFloor };
};

describe("a runtime manifest", () => {
  it("that says nothing asks for nothing", () => {
    expect(mismatchesOf(NO_RULES, report({ binaryHash: undefined, models: [{ id: "m", capabilities: {} }] }))).toEqual(
      [],
    );
  });

  it("finds each component that is not on it, and one that is not reported at all", () => {
    const models = { m: { weights: [B], templates: [B] }, absent: { weights: [B] } };
    const strict = rules({ binaries: [B], models }, "1.3.0");
    expect(mismatchesOf(strict, report())).toEqual([
      { component: "binary", expected: [B], actual: A },
      { component: "version", expected: [">=1.3.0"], actual: "1.2.0" },
      { component: "weights", model: "m", expected: [B], actual: A },
      { component: "template", model: "m", expected: [B], actual: A },
    ]);
    const silent = mismatchesOf(strict, report({ binaryHash: undefined, models: [{ id: "m", capabilities: {} }] }));
    expect(silent.map(({ actual }) => actual)).toEqual([undefined, "1.2.0", undefined, undefined]);
  });

  it("takes any of the hashes that it lists", () => {
    expect(mismatchesOf(rules({ binaries: [B, A], models: { m: { weights: [A, B] } } }), report())).toEqual([]);
  });

  it("is not fooled by models that are named like members of objects", () => {
    const models = [{ id: "constructor", capabilities: {} }];
    expect(mismatchesOf(rules({ models: { m: { weights: [A] } } }), report({ models }))).toEqual([]);
  });

  it.each([
    ["a hash that is none", { binaries: ["xyz"] }],
    ["a member that does not exist", { binary: [] }],
    ["a version without all its numbers", { update: { latest_version: "1.2" } }],
    ["an address that would run in a terminal", { update: { latest_version: "1.2.0", url: "https://x/\u001b[2J" } }],
    ["an address that nothing protects", { update: { latest_version: "1.2.0", url: "http://x/" } }],
  ])("with %s is refused", (_name, given) => {
    expect(runtimeManifestSchema.safeParse(given).success).toBe(false);
  });
});

describe("the notice of an update", () => {
  const update = { latest_version: "1.3.0", url: "https://example.com/agent" };

  it("is for machines that run an older program, and says whether they have to take it", () => {
    const list = rules({ update }, "1.1.0");
    expect(updateNotice(list, "1.3.0")).toBeUndefined();
    expect(updateNotice(list, "1.2.9")).toEqual({ ...update, required: false });
    expect(updateNotice(list, "1.0.9")).toEqual({ ...update, required: true });
  });

  it("is absent where the operator says nothing", () => {
    expect(updateNotice(NO_RULES, "0.0.1")).toBeUndefined();
  });
});

describe("the verdict on a machine", () => {
  it("keeps a wrong program from everything, a wrong model from itself, and is told when it changes", () => {
    const verdict = new RuntimeVerdict();
    expect(verdict.judge(NO_RULES, report())).toBeUndefined();
    const weights = rules({ models: { m: { weights: [B] } } });
    expect(verdict.judge(weights, report())).toMatchObject({ verified: false });
    expect(verdict.judge(weights, report())).toBeUndefined();
    expect([verdict.isUnverified("m"), verdict.isUnverified("other")]).toEqual([true, false]);
    verdict.judge(rules({ binaries: [B] }), report());
    expect([verdict.isUnverified("m"), verdict.isUnverified("other")]).toEqual([true, true]);
    expect(verdict.judge(rules({ binaries: [A] }), report())).toEqual({ verified: true, mismatches: [] });
    expect(verdict.isUnverified("m")).toBe(false);
  });

  it("tells an old program that it is old, and leaves it to the gate for versions", () => {
    const verdict = new RuntimeVerdict();
    expect(verdict.judge(rules({}, "1.3.0"), report())).toMatchObject({ verified: false });
    expect(verdict.isUnverified("m")).toBe(false);
  });
});
