import { expect, it } from "vitest";
import { columns } from "./output.js";

it("columns tell the terminal nothing but colours, whatever a backend calls its models", () => {
  const green = "\u001b[32mok\u001b[39m";
  const text = columns([
    ["a", green],
    ["\u001b]0;owned\u0007", "b"],
  ]);
  expect(text).toContain(green);
  expect([...text.replaceAll(green, "").replaceAll("\n", "")].filter((char) => char < " ")).toEqual([]);
});
