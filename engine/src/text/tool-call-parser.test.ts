import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AnswerPart, ToolCallParser } from "./tool-call-parser.js";

interface Answer {
  text: string;
  calls: { name: string; arguments: string }[];
}

function partsOf(pieces: readonly string[]): AnswerPart[] {
  const parser = new ToolCallParser();
  return [...pieces.flatMap((piece) => parser.push(piece)), ...parser.end()];
}

function answerOf(pieces: readonly string[]): Answer {
  const answer: Answer = { text: "", calls: [] };
  for (const part of partsOf(pieces)) {
    if (part.type === "text") answer.text += part.text;
    if (part.type === "call") answer.calls.push({ name: part.name, arguments: "" });
    if (part.type === "call_arguments") answer.calls[part.index]!.arguments += part.text;
  }
  return answer;
}

const call = (name: string, args: unknown): string =>
  `<tool_call>\n${JSON.stringify({ name, arguments: args })}\n</tool_call>`;

describe("ToolCallParser", () => {
  it("passes text through that has no call in it", () => {
    expect(answerOf(["Hel", "lo <b>there</b>", " ", "you"])).toEqual({ text: "Hello <b>there</b> you", calls: [] });
  });

  it("reads two calls and drops the white space around them", () => {
    expect(answerOf([`Let me see.\n${call("a", { x: 1 })}\n${call("b", {})}\n`])).toEqual({
      text: "Let me see.",
      calls: [
        { name: "a", arguments: '{"x":1}' },
        { name: "b", arguments: "{}" },
      ],
    });
  });

  it("gives the name out before the arguments are complete, and the arguments as they come", () => {
    const parser = new ToolCallParser();
    expect(parser.push('<tool_call>{"name": "get"')).toEqual([{ type: "call", index: 0, name: "get" }]);
    expect(parser.push(', "arguments": {"ci')).toEqual([{ type: "call_arguments", index: 0, text: '{"ci' }]);
    expect(parser.push('ty": "Oslo"}}')).toEqual([
      { type: "call_arguments", index: 0, text: 'ty": "Oslo"}' },
      { type: "call_end", index: 0 },
    ]);
    expect(parser.push("</tool_call>")).toEqual([]);
  });

  it("holds arguments back that come before the name", () => {
    expect(answerOf(['<tool_call>{"arguments": {"a": "}"}, ', '"name": "late"}</tool_call>'])).toEqual({
      text: "",
      calls: [{ name: "late", arguments: '{"a": "}"}' }],
    });
  });

  it("unpacks arguments that are JSON in a string, and takes missing ones for none", () => {
    const packed = '<tool_call>{"name": "f", "arguments": "{\\"a\\": 1}"}</tool_call>';
    expect(answerOf([`${packed}<tool_call>{"name": "g"}</tool_call>`]).calls).toEqual([
      { name: "f", arguments: '{"a": 1}' },
      { name: "g", arguments: "{}" },
    ]);
  });

  it("shows as text what looked like a call and is none", () => {
    const odd = "<tool_call>no json</tool_call>";
    expect(answerOf([odd])).toEqual({ text: odd, calls: [] });
    expect(answerOf(['<tool_call>{"nam'])).toEqual({ text: '<tool_call>{"nam', calls: [] });
  });

  it("keeps a call whose arguments were cut off or whose closing mark is missing", () => {
    expect(answerOf(['<tool_call>{"name": "f", "arguments": {"a": '])).toEqual({
      text: "",
      calls: [{ name: "f", arguments: '{"a": ' }],
    });
    expect(answerOf([`<tool_call>{"name": "f"} ${call("g", {})} done`])).toEqual({
      text: "done",
      calls: [
        { name: "f", arguments: "{}" },
        { name: "g", arguments: "{}" },
      ],
    });
  });

  it("reads the same answer in whatever pieces it comes", () => {
    const text = fc.constantFrom("", "so", "a < b", "<tool", "\n");
    const args = fc.dictionary(fc.string({ maxLength: 3 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 });
    const answer = fc.array(fc.tuple(text, fc.constantFrom("f", 'q"uote', "é"), args), { maxLength: 3 });
    fc.assert(
      fc.property(answer, fc.array(fc.nat(30), { maxLength: 20 }), (steps, sizes) => {
        const whole = steps.map(([before, name, value]) => before + call(name, value)).join("");
        const pieces: string[] = [];
        let at = 0;
        for (const size of sizes) {
          pieces.push(whole.slice(at, at + size));
          at += size;
        }
        pieces.push(whole.slice(at));
        expect(answerOf(pieces)).toEqual({
          text: answerOf([whole]).text,
          calls: steps.map(([, name, value]) => ({ name, arguments: JSON.stringify(value) })),
        });
      }),
    );
  });
});
