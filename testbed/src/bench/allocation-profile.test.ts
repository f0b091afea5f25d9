import { expect, it } from "vitest";
import { type AllocationNode, summariseAllocations } from "./allocation-profile.js";

const node = (functionName: string, selfSize: number, ...children: AllocationNode[]): AllocationNode => {
  const url = functionName.startsWith("(") ? "" : `file:///work/hearth/coordinator/dist/${functionName}.js`;
  return { callFrame: { functionName, url, lineNumber: 0 }, selfSize, children };
};

it("tells who has allocated what, by the function itself and with all that it calls", () => {
  const summary = summariseAllocations(
    node("(root)", 0, node("handle", 10, node("parse", 60, node("handle", 20)), node("send", 10))),
  );
  expect(summary.bytes).toBe(100);
  expect(summary.self.slice(0, 2)).toEqual([
    { name: "parse coordinator/dist/parse.js:1", share: 0.6 },
    { name: "handle coordinator/dist/handle.js:1", share: 0.3 },
  ]);
  expect(summary.inclusive).toContainEqual({ name: "handle coordinator/dist/handle.js:1", share: 1 });
  expect(summary.inclusive).toContainEqual({ name: "parse coordinator/dist/parse.js:1", share: 0.8 });
  expect(summary.modules).toContainEqual({ name: "coordinator/dist/send.js", share: 0.1 });
});
