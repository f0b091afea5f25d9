import { expect, it } from "vitest";
import type { ChatUsage } from "./chat-completions/read-event.js";
import { plainUsage } from "./plain-usage.js";

const COUNTS = { prompt_tokens: 9, completion_tokens: 5, total_tokens: 14 };

it.each([
  [COUNTS],
  [{ ...COUNTS, cached_tokens: 0, reasoning_tokens: 0 }],
  [{ ...COUNTS, cached_tokens: 4, prompt_tokens_details: { cached_tokens: 4 } }],
  [{ ...COUNTS, completion_tokens_details: { reasoning_tokens: 3 }, own: true }],
  [{ prompt_tokens: 1e12, completion_tokens: 5, total_tokens: 1e12 }],
])("leaves %j as it is", (usage) => {
  expect(plainUsage(usage)).toBe(usage);
});

it.each([[null], [undefined]])("is %s where there is none", (usage) => {
  expect(plainUsage(usage)).toBe(usage);
});

it("adds what a detail lacks, and keeps the others", () => {
  const usage = { ...COUNTS, cached_tokens: 4, prompt_tokens_details: { text_tokens: 9 } };
  expect(plainUsage(usage)).toEqual({ ...usage, prompt_tokens_details: { text_tokens: 9, cached_tokens: 4 } });
});

it.each([[{}], [{ prompt_tokens: 9 }], [{ total_tokens: 3 }], [{ prompt_tokens: null, completion_tokens: null }]])(
  "is nothing where %j does not tell what was read and written",
  (usage) => {
    expect(plainUsage(usage as ChatUsage)).toBeUndefined();
  },
);
