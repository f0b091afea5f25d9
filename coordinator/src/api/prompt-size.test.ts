import { expect, it } from "vitest";
import { estimateTokens } from "./prompt-size.js";

const textOnly = (...texts: readonly string[]): number => estimateTokens({ texts, messages: 0, images: 0 });
const PROSE = "Nothing reaches the consumer before the first content, so that a failure is never seen. ";

it("adds what messages and images cost to their text", () => {
  const text = textOnly(PROSE);
  expect(text).toBeGreaterThan(10);
  expect(estimateTokens({ texts: [PROSE], messages: 3, images: 2 })).toBe(text + 3 * 5 + 2 * 1_000);
});

it("judges a prompt of megabytes by windows from all over it", () => {
  const chinese = "没有任何内容会在第一个词之前到达用户。".repeat(60_000);
  const prose = PROSE.repeat(15_000);
  const apart = textOnly(prose.slice(0, 200_000)) * (prose.length / 200_000);
  const both = textOnly(prose, chinese);
  const expected = apart + textOnly(chinese.slice(0, 200_000)) * (chinese.length / 200_000);
  expect(both / expected).toBeGreaterThan(0.97);
  expect(both / expected).toBeLessThan(1.03);
});

it("sees the short texts of a long prompt as well", () => {
  const texts = Array.from({ length: 40_000 }, () => PROSE.slice(0, 40));
  const each = textOnly(PROSE.slice(0, 40).repeat(1_000)) / 1_000;
  expect(textOnly(...texts) / (40_000 * each)).toBeGreaterThan(0.9);
  expect(textOnly(...texts) / (40_000 * each)).toBeLessThan(1.2);
});
