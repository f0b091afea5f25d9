import { systemRng } from "@hearth/platform";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ASSUMED_SCALE, benchPrompt, scaleOf, wordsFor } from "./bench-prompt.js";

describe("a prompt", () => {
  it("shares next to nothing of its beginning with another one", () => {
    const prompts = Array.from({ length: 50 }, () => benchPrompt(200, systemRng));
    const beginnings = prompts.map((prompt) => prompt.slice(0, 12));
    expect(new Set(beginnings).size).toBe(prompts.length);
  });

  it("has as many words as it is to have, beside its mark and its task", () => {
    const [first = "", task] = benchPrompt(200, systemRng).split("\n\n");
    expect(first.split(" ")).toHaveLength(1 + 200);
    expect(task).toMatch(/^Write /);
  });
});

describe("the scale of words to tokens", () => {
  it("makes prompts of the size that was meant, whatever a word and the template cost", () => {
    const tenths = fc.integer({ min: 6, max: 150 });
    fc.assert(
      fc.property(
        tenths,
        fc.integer({ min: 0, max: 50 }),
        fc.integer({ min: 100, max: 10_000 }),
        (tenth, fixed, size) => {
          const tokensOf = (words: number): number => (words * tenth) / 10 + fixed;
          const at = (words: number): { words: number; tokens: number } => ({ words, tokens: tokensOf(words) });
          const tokens = tokensOf(wordsFor(size, scaleOf(at(16), at(256))));
          expect(tokens).toBeLessThanOrEqual(size + 1e-6);
          expect(tokens).toBeGreaterThan(size - tenth / 10 - 1e-6);
        },
      ),
    );
  });

  it.each([
    ["a server that cuts long prompts off", 100],
    ["a server that counts nothing", 0],
    ["a server that counts wildly", 1e9],
  ])("is assumed for %s", (_, tokens) => {
    expect(scaleOf({ words: 16, tokens: 100 }, { words: 256, tokens })).toBe(ASSUMED_SCALE);
  });

  it("gives at least one word", () => {
    expect(wordsFor(16, ASSUMED_SCALE)).toBe(1);
  });
});
