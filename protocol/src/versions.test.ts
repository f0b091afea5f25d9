import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { negotiateVersion, SUPPORTED_VERSIONS, type VersionRange } from "./versions.js";

const range: fc.Arbitrary<VersionRange> = fc
  .tuple(fc.integer({ min: 1, max: 12 }), fc.nat(6))
  .map(([min, span]) => ({ min, max: min + span }));
const anyRange: fc.Arbitrary<VersionRange> = fc.record({
  min: fc.integer({ min: 1, max: 12 }),
  max: fc.integer({ min: 1, max: 12 }),
});

function versionsIn({ min, max }: VersionRange): number[] {
  return Array.from({ length: Math.max(0, max - min + 1) }, (_, i) => min + i);
}

describe("version negotiation", () => {
  it("picks the highest version both sides speak, or none", () => {
    fc.assert(
      fc.property(anyRange, anyRange, (offered, supported) => {
        const common = versionsIn(offered).filter((version) => versionsIn(supported).includes(version));
        expect(negotiateVersion(offered, supported)).toBe(common.at(-1));
      }),
      { numRuns: 1000 },
    );
  });

  it("does not depend on who offers", () => {
    fc.assert(
      fc.property(range, range, (a, b) => {
        expect(negotiateVersion(a, b)).toBe(negotiateVersion(b, a));
      }),
    );
  });

  it("agrees with itself on its newest version", () => {
    expect(negotiateVersion(SUPPORTED_VERSIONS)).toBe(SUPPORTED_VERSIONS.max);
  });

  it("finds nothing in a range turned round", () => {
    expect(negotiateVersion({ min: 2, max: 1 }, { min: 1, max: 3 })).toBeUndefined();
  });
});
