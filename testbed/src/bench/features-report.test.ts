import { describe, expect, it } from "vitest";
import { featuresReport } from "./features-report.js";
import type { LoadSample } from "./measure-load.js";

const scenarios = [{ concurrency: 32, stream: false }];

/** A sample for each round, by the coordinator's CPU; the agent's is half of it. */
const rounds = (micros: readonly number[], more: Partial<LoadSample> = {}): LoadSample[][] => [
  micros.map((frontCpuMicros) => ({ frontCpuMicros, backCpuMicros: frontCpuMicros / 2, ...more }) as LoadSample),
];

const cellsOf = (text: string, label: string): readonly string[] =>
  (text.split("\n").find((line) => line.startsWith(`| ${label}`)) ?? "").split("|").map((cell) => cell.trim());

describe("the table of features", () => {
  const base = { name: "as it is", rounds: rounds([100, 300, 200, 200]) };

  it("tells the difference to the same round, so that a slow one hits both", () => {
    const text = featuresReport(scenarios, [base, { name: "metrics off", rounds: rounds([90, 290, 190, 190]) }]);
    expect(cellsOf(text, "32 non-stream, as it is").slice(2, 6)).toEqual(["200", "–", "100", "–"]);
    expect(cellsOf(text, "32 non-stream, metrics off").slice(2, 6)).toEqual([
      "190",
      "−10 (−10 … −10)",
      "95",
      "−5 (−5 … −5)",
    ]);
  });

  it("tells how far the rounds are apart", () => {
    const text = featuresReport(scenarios, [base, { name: "log on", rounds: rounds([140, 310, 220, 190]) }]);
    expect(cellsOf(text, "32 non-stream, log on")[3]).toBe("+15 (−10 … +20)");
  });

  it("has instructions where they are counted, and says where they are not", () => {
    const counted = { frontInstructions: 1_500_000, backInstructions: 500_000 };
    const text = featuresReport(scenarios, [{ name: "as it is", rounds: rounds([100], counted) }]);
    expect(cellsOf(text, "32 non-stream, as it is").slice(6, 10)).toEqual(["1500", "–", "500", "–"]);
    expect(text).not.toContain("not available");
    const without = featuresReport(scenarios, [base]);
    expect(without).toContain("not available");
    expect(without).not.toContain("kinstr");
  });
});
