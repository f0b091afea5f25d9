import { expect, it } from "vitest";
import { readTraceparent, spanIdOf, traceIdOf, writeTraceparent } from "./trace-context.js";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";

it("reads what the standard has, and of versions to come what is known", () => {
  expect(readTraceparent(`00-${TRACE}-${SPAN}-01`)).toEqual({ traceId: TRACE, parentId: SPAN, sampled: true });
  expect(readTraceparent(`00-${TRACE}-${SPAN}-02`)).toMatchObject({ sampled: false });
  expect(readTraceparent(`cc-${TRACE}-${SPAN}-01-what-comes-then`)).toMatchObject({ traceId: TRACE });
});

it.each([
  undefined,
  "",
  ["a", "b"],
  `00-${TRACE}-${SPAN}`,
  `00-${TRACE}-${SPAN}-01-more`,
  `ff-${TRACE}-${SPAN}-01`,
  `00-${"0".repeat(32)}-${SPAN}-01`,
  `00-${TRACE}-${"0".repeat(16)}-01`,
  `00-${TRACE.toUpperCase()}-${SPAN}-01`,
  `cc-${TRACE}-${SPAN}-01-${"x".repeat(300)}`,
])("passes %j over", (header) => {
  expect(readTraceparent(header)).toBeUndefined();
});

it("writes what it can read, with ids that are always the same for a request", () => {
  const made = { traceId: traceIdOf("req_1"), parentId: spanIdOf("att_1"), sampled: true };
  expect(readTraceparent(writeTraceparent(made, made.parentId))).toEqual(made);
  expect(traceIdOf("req_1")).not.toBe(traceIdOf("req_2"));
});
