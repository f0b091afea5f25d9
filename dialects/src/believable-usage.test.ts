import { expect, it } from "vitest";
import { believable } from "./believable-usage.js";

const COUNTED = { prompt_tokens: 10, completion_tokens: 5 };

it.each([[{ prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 }], [{ completion_tokens: 5 }], [{}]])(
  "passes on what is within the count: %j",
  (told) => {
    expect(believable(told, COUNTED)).toBe(told);
  },
);

it.each([
  [{ prompt_tokens: 11 }],
  [{ completion_tokens: Number.MAX_SAFE_INTEGER }],
  [{ prompt_tokens: 10, completion_tokens: 5, total_tokens: 16 }],
  [{ prompt_tokens: "5" }],
  [{ prompt_tokens: null, completion_tokens: null }],
  [{ completion_tokens: { toString: 1 } }],
])("does not pass on what is more than was counted, or no count: %j", (told) => {
  expect(believable(told, COUNTED)).toBeUndefined();
});

it.each([[{ prompt_tokens: 0, completion_tokens: 5 }], [{ prompt_tokens: 10, completion_tokens: 0 }]])(
  "does not pass on that there was nothing where something was counted: %j",
  (told) => {
    expect(believable(told, COUNTED)).toBeUndefined();
  },
);

it("passes on that nothing was written where nothing was", () => {
  const told = { prompt_tokens: 10, completion_tokens: 0, total_tokens: 10 };
  expect(believable(told, { prompt_tokens: 10, completion_tokens: 0 })).toBe(told);
});
