import { expect, it } from "vitest";
import { type Thinking, templateVariables, thinkingMembers, wishOfEffort } from "./thinking.js";

it.each<[Thinking, object]>([
  [{}, {}],
  [{ budgetTokens: 5 }, {}],
  [
    { mode: "off", effort: "high", budgetTokens: 5 },
    { enable_thinking: false, thinking: false, thinking_budget: 0 },
  ],
  [{ mode: "on" }, { enable_thinking: true, thinking: true }],
  [
    { mode: "on", budgetTokens: 5 },
    { enable_thinking: true, thinking: true, thinking_budget: 5 },
  ],
  [{ effort: "low" }, { reasoning_effort: "low" }],
])("says what is wished in the variables that templates know: %j", (thinking, variables) => {
  expect(templateVariables(thinking)).toEqual(variables);
});

it.each<[Thinking, string | undefined, object]>([
  [{}, "llama-server", {}],
  [{ mode: "off", effort: "high" }, "llama-server", { reasoning_effort: "none" }],
  [{ mode: "off" }, "ollama", { reasoning_effort: "none" }],
  [{ mode: "off" }, "vllm", {}],
  [{ mode: "off" }, undefined, {}],
  [{ effort: "high" }, "ollama", {}],
  [{ effort: "high" }, "vllm", { reasoning_effort: "high" }],
  [{ effort: "high" }, undefined, { reasoning_effort: "high" }],
  [{ mode: "on", budgetTokens: 5 }, "llama-server", { thinking_budget_tokens: 5 }],
  [{ mode: "on", budgetTokens: 5 }, "vllm", {}],
])("says it in the members that the backend takes: %j to %s", (thinking, backend, members) => {
  expect(thinkingMembers(thinking, backend)).toEqual(members);
});

it.each<[string | undefined, Thinking]>([
  [undefined, {}],
  ["none", { mode: "off" }],
  ["minimal", { effort: "low" }],
  ["medium", { effort: "medium" }],
  ["max", { effort: "high" }],
  ["some model's own", { effort: "some model's own" }],
])("takes an effort by the names of both APIs: %s", (name, wish) => {
  expect(wishOfEffort(name)).toEqual(wish);
});
