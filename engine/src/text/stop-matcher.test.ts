import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StopMatcher } from "./stop-matcher.js";

interface Ended {
  readonly text: string;
  readonly stop: string | undefined;
}

function run(stops: readonly string[], pieces: readonly string[]): Ended {
  const matcher = new StopMatcher(stops);
  let text = "";
  for (const piece of pieces) {
    const result = matcher.push(piece);
    text += result.text;
    if (result.stop !== undefined) return { text, stop: result.stop };
  }
  return { text: text + matcher.end(), stop: undefined };
}

function reference(stops: readonly string[], text: string): Ended {
  for (let end = 0; end <= text.length; end++) {
    const before = text.slice(0, end);
    const matched = stops.filter((stop) => before.endsWith(stop));
    const [stop] = matched.toSorted((a, b) => b.length - a.length);
    if (stop !== undefined) return { text: before.slice(0, end - stop.length), stop };
  }
  return { text, stop: undefined };
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
    expect(run(["END"], ["a E", "N", "D b"])).toEqual({ text: "a ", stop: "END" });
  });

  it("cuts before the stop sequence that is complete first, and says which one that was", () => {
    expect(run(["two", "one"], ["zero one two"])).toEqual({ text: "zero ", stop: "one" });
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
