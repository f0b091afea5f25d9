import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clampUsage, usageBounds } from "./usage-bounds.js";

const evidence = { promptBytes: 1_000, answerBytes: 5_000, elapsedMs: 2_000, answerTokens: undefined };
const HUGE = Number.MAX_SAFE_INTEGER;

describe("a provider's usage", () => {
  it("counts as it is where it can be true", () => {
    const usage = { prompt_tokens: 900, completion_tokens: 4_000, cached_tokens: 100 };
    expect(clampUsage(usage, usageBounds(evidence))).toEqual({ usage, clamped: [] });
  });

  it("counts as the most that can be, with a mark, where it cannot", () => {
    const told = { prompt_tokens: HUGE, completion_tokens: HUGE, cached_tokens: HUGE };
    const { usage, clamped } = clampUsage(told, usageBounds(evidence));
    expect(clamped).toEqual(["prompt", "completion", "cached"]);
    expect(usage.prompt_tokens).toBeLessThan(20_000);
    expect(usage.completion_tokens).toBeLessThan(50_000);
    expect(usage.cached_tokens).toBe(usage.prompt_tokens);
  });

  it("may hold reasoning that nobody is shown, as far as it was asked for and time allows", () => {
    const hidden = { ...evidence, answerBytes: 300, elapsedMs: 30_000 };
    const told = { prompt_tokens: 1, completion_tokens: 20_000 };
    expect(clampUsage(told, usageBounds({ ...hidden, answerTokens: 32_768 })).clamped).toEqual([]);
    expect(clampUsage(told, usageBounds({ ...hidden, answerTokens: 100 })).clamped).toEqual(["completion"]);
    expect(clampUsage(told, usageBounds({ ...hidden, answerTokens: 32_768, elapsedMs: 10 })).clamped).toEqual([
      "completion",
    ]);
  });

  it("is never more than its bounds, and sums of it stay exact", () => {
    const count = fc.nat({ max: HUGE });
    fc.assert(
      fc.property(count, count, count, (prompt_tokens, completion_tokens, cached_tokens) => {
        const { usage } = clampUsage({ prompt_tokens, completion_tokens, cached_tokens }, usageBounds(evidence));
        expect(Number.isSafeInteger((usage.prompt_tokens + usage.completion_tokens) * 1_000_000)).toBe(true);
        expect(usage.cached_tokens).toBeLessThanOrEqual(usage.prompt_tokens);
      }),
    );
  });
});
