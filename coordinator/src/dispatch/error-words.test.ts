import { expect, it } from "vitest";
import { wordsOf } from "./error-words.js";

it.each([
  ["OpenAI's", { error: { message: "no", code: "x" } }, { message: "no", code: "x" }],
  ["a sentence (Ollama)", { error: "no" }, "no"],
  ["a list", { error: ["no", "nor"] }, ["no", "nor"]],
  ["an older vLLM's", { object: "error", message: "no", code: 400 }, { object: "error", message: "no", code: 400 }],
  ["a bare message", { message: "no" }, { message: "no" }],
  ["one beside an empty error", { error: null, message: "no" }, { error: null, message: "no" }],
  ["FastAPI's sentence", { detail: "no" }, "no"],
  ["FastAPI's list", { detail: [{ loc: ["body"], msg: "no" }, { msg: "nor" }, {}] }, { message: "no; nor" }],
  ["a list without words", { detail: [{}] }, undefined],
  ["an empty object", {}, undefined],
  ["no object", ["no"], undefined],
  ["no JSON", undefined, undefined],
])("finds the words of %s", (_what, body, words) => {
  expect(wordsOf(body)).toEqual(words);
});
