import { expect, it } from "vitest";
import { forPeople } from "./logger.js";

it("shows people in a terminal when, how bad, what and where, in one line", () => {
  const lines: string[] = [];
  const destination = forPeople({ write: (line) => lines.push(line) > 0 });
  destination.write(`{"level":40,"time":"2026-01-05T08:59:30.125Z","provider":"prv_1","msg":"attempt failed"}\n`);
  expect(lines).toEqual([expect.stringMatching(/^.*:59:30\.125.*WARN.*attempt failed.*prv_1.*\n$/)]);
});
