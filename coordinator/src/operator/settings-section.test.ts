import { expect, it } from "vitest";
import { between, section, whole } from "./settings-section.js";

interface Sample {
  readonly waitMs: number;
  readonly limit?: number;
  readonly group: { readonly leastShare: number };
}

const SAMPLE = section<Sample>(
  { waitMs: 5, group: { leastShare: 0.5 } },
  { waitMs: whole(1, 9), limit: between(0, 9), group: { leastShare: between(0, 1) } },
);
const read = (written: unknown): Sample => SAMPLE.read(SAMPLE.schema.parse(written));

it("has its defaults where nothing is written, and nothing where there is no default", () => {
  expect(read(undefined)).toEqual({ waitMs: 5, group: { leastShare: 0.5 } });
  expect(read({ limit: 7, group: { least_share: 0.1 } })).toEqual({ waitMs: 5, limit: 7, group: { leastShare: 0.1 } });
});

it("holds each number to its bound, and takes no other member", () => {
  expect(SAMPLE.schema.safeParse({ limit: 10 }).error?.issues[0]?.path).toEqual(["limit"]);
  expect(SAMPLE.schema.safeParse({ wait_ms: 1.5 }).error?.issues[0]?.path).toEqual(["wait_ms"]);
  expect(SAMPLE.schema.safeParse({ waitMs: 1 }).success).toBe(false);
  expect(SAMPLE.schema.safeParse({ group: { other: 1 } }).success).toBe(false);
});
