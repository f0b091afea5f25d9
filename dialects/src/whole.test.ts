import { describe, expect, it } from "vitest";
import { ChatAccumulator } from "./chat-completions/accumulate.js";
import { TextAccumulator } from "./completions/accumulate.js";
import { readWhole } from "./whole.js";

describe("the choices of a whole answer", () => {
  const said = { id: "c", created: 1, model: "m" };

  it("stand in their order, however they came, for chats", () => {
    const chat = new ChatAccumulator();
    for (const index of [2, 0, 1, 2]) chat.add({ ...said, choices: [{ index, delta: { content: String(index) } }] });
    const { choices } = chat.completion(said) as { choices: { index: number; message: { content: string } }[] };
    expect(choices.map(({ index, message }) => [index, message.content])).toEqual([
      [0, "0"],
      [1, "1"],
      [2, "22"],
    ]);
  });

  it("stand in their order, however they came, for legacy completions", () => {
    const text = new TextAccumulator();
    for (const index of [1, 0, 1]) {
      text.add({ ...said, choices: [{ index, text: String(index), finish_reason: index === 0 ? "length" : null }] });
    }
    expect(text.completion(said)).toMatchObject({
      choices: [
        { index: 0, text: "0", finish_reason: "length" },
        { index: 1, text: "11", finish_reason: null },
      ],
    });
  });
});

describe("a body that is no whole answer", () => {
  const dialects = ["chat_completions", "completions", "messages", "responses"] as const;

  it.each(dialects)("is malformed for %s when it is anything else", (dialect) => {
    for (const text of [
      "",
      "{",
      "[]",
      "null",
      "7",
      "{}",
      '{"choices":[]}',
      '{"choices":[7]}',
      '{"output":7}',
      '{"content":7}',
    ]) {
      expect(readWhole(dialect, text)).toEqual({ kind: "malformed" });
    }
  });

  it.each(dialects)("is an error for %s when it says so, with the status of its number or word", (dialect) => {
    expect(readWhole(dialect, '{"error":{"code":429}}')).toMatchObject({ kind: "error", status: 429 });
    expect(readWhole(dialect, '{"error":{"type":"overloaded_error"}}')).toMatchObject({ kind: "error", status: 503 });
  });

  it("is malformed as a chat when its parts have other types", () => {
    const choices = [{ message: { tool_calls: 7 } }, { message: { tool_calls: [{ function: 7 }] } }, { message: 7 }];
    for (const choice of choices) {
      const text = JSON.stringify({ choices: [{ ...choice, finish_reason: "stop" }] });
      expect(readWhole("chat_completions", text)).toEqual({ kind: "malformed" });
    }
  });

  it("is an error when a response failed", () => {
    const failed = { status: "failed", output: [], error: { code: "rate_limit_exceeded" } };
    expect(readWhole("responses", JSON.stringify(failed))).toMatchObject({ kind: "error", status: 429 });
  });
});

describe("a whole answer in a form of its server's own", () => {
  const told = (choice: object): unknown => {
    const reading = readWhole("chat_completions", JSON.stringify({ choices: [{ index: 0, ...choice }] }));
    return reading.kind === "content"
      ? (reading.parsed as { readonly choices: readonly unknown[] }).choices[0]
      : reading;
  };

  it.each([
    ["a delta where the message belongs", { delta: { content: "late" } }],
    ["the text of a legacy completion", { text: "late" }],
    ["a part that is in no list", { message: { content: { type: "text", text: "late" } } }],
  ])("has %s", (_what, choice) => {
    expect(told({ ...choice, finish_reason: "stop" })).toMatchObject({ delta: { content: "late" } });
  });

  it.each(["Aborted", "ERROR"])("has failed with %s, whatever its case", (reason) => {
    expect(told({ message: { content: "late" }, finish_reason: reason })).toMatchObject({ kind: "error", status: 502 });
  });
});
