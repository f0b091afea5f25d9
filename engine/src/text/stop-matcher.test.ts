import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StopMatcher } from "./stop-matcher.js";

function run(stops: readonly string[], pieces: readonly string[]): { text: string; stopped: boolean } {
  const matcher = new StopMatcher(stops);
  let text = "";
  for (const piece of pieces) {
    const result = matcher.push(piece);
    text += result.text;
    if (result.stopped) return { text, stopped: true };
  }
  return { text: text + matcher.end(), stopped: false };
}

function reference(stops: readonly string[], text: string): { text: string; stopped: boolean } {
  for (let end = 0; end <= text.length; end++) {
    const before = text.slice(0, end);
    const matched = stops.filter((stop) => before.endsWith(stop));
    if (matched.length > 0)
      return { text: before.slice(0, end - Math.max(...matched.map((s) => s.length))), stopped: true };
  }
  return { text, stopped: false };
}

describe("StopMatcher", () => {
  it("shows text at once that cannot begin a stop sequence", () => {
    expect(new StopMatcher(["END"]).push("hello").text).toBe("hello");
  });

  it("holds back what may begin a stop sequence, and shows it once it cannot", () => {
    const matcher = new StopMatcher(["END"]);
    expect(matcher.push("the E").text).toBe("the ");
    expect(matcher.push("N").text).toBe("");
    expect(matcher.push("T").text).toBe("ENT");
  });

  it("never shows a stop sequence that is split over pieces", () => {
    expect(run(["END"], ["a E", "N", "D b"])).toEqual({ text: "a ", stopped: true });
  });

  it("cuts before the stop sequence that is complete first", () => {
    expect(run(["two", "one"], ["zero one two"])).toEqual({ text: "zero ", stopped: true });
  });

  it("finds the same cut in whatever pieces the text comes", () => {
    const word = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 6 });
    const stop = fc.string({ unit: fc.constantFrom("a", "b"), minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(stop, { minLength: 1, maxLength: 3 }), fc.array(word, { maxLength: 8 }), (stops, pieces) => {
        expect(run(stops, pieces)).toEqual(reference(stops, pieces.join("")));
      }),
    );
  });
});
