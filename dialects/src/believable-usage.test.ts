import { expect, it } from "vitest";
import { believable } from "./believable-usage.js";

const COUNTED = { prompt_tokens: 10, completion_tokens: 5 };

it.each([
  [{ prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 }],
  [{ prompt_tokens: 0, completion_tokens: 5 }],
  [{}],
])("passes on what is within the count: %j", (told) => {
  expect(believable(told, COUNTED)).toBe(told);
});

it.each([
  [{ prompt_tokens: 11 }],
  [{ completion_tokens: Number.MAX_SAFE_INTEGER }],
  [{ prompt_tokens: 10, completion_tokens: 5, total_tokens: 16 }],
  [{ prompt_tokens: "5" }],
  [{ completion_tokens: { toString: 1 } }],
])("does not pass on what is more than was counted, or no count: %j", (told) => {
  expect(believable(told, COUNTED)).toBeUndefined();
});
