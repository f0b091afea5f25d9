import type { RequestId } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import { HearthError } from "../../platform/errors.js";
import { toResponsesRequest } from "./to-internal.js";

const PNG = "data:image/png;base64,iVBORw0KGgo=";

const requestOf = (...input: readonly unknown[]) =>
  toResponsesRequest(Buffer.from(JSON.stringify({ model: "m", input })), "req_1" as RequestId);

function formOf(native: boolean, ...input: readonly unknown[]) {
  const able = { systemAnywhere: true, turnsAnywhere: true, vision: true };
  const form = requestOf(...input).form({ dialects: native ? ["responses"] : [], ...able }, "m");
  return { dialect: form.dialect, body: JSON.parse(Buffer.from(form.body).toString()) as Record<string, unknown> };
}

const messagesOf = (...input: readonly unknown[]) => formOf(false, ...input).body["messages"];

const call = (args: unknown, more: object = {}) => ({
  type: "function_call",
  call_id: "c",
  name: "f",
  arguments: args,
  ...more,
});
const result = (output: unknown) => ({ type: "function_call_output", call_id: "c", output });
const called = (args: string) => ({
  role: "assistant",
  content: null,
  tool_calls: [{ id: "c", type: "function", function: { name: "f", arguments: args } }],
});
const returned = (content: string) => ({ role: "tool", tool_call_id: "c", content });

describe("an item that a client writes in a form of its own", () => {
  it.each<[string, unknown, unknown]>([
    ["arguments as a value", call({ a: [1] }), called('{"a":[1]}')],
    ["arguments that are null", call(null), called("{}")],
    ["a call that has only its item's id", call("{}", { call_id: null, id: "c" }), called("{}")],
    ["a result as a value", result({ a: 1 }), returned('{"a":1}')],
    ["a result as a list of values", result([1, "b"]), returned('[1,"b"]')],
    ["a result that is null", result(null), returned("")],
    ["a result in a part of chat completions", result([{ type: "text", text: "x" }]), returned("x")],
    ["no content", { role: "assistant", content: null }, { role: "assistant", content: "" }],
    ["a part alone", { role: "user", content: { type: "text", text: "x" } }, { role: "user", content: "x" }],
    ["texts without parts", { role: "user", content: ["x"] }, { role: "user", content: "x" }],
    [
      "thoughts as content",
      { role: "assistant", content: [{ type: "reasoning_text", text: "x" }] },
      { role: "assistant", content: "x" },
    ],
    [
      "an image as in chat completions",
      { role: "user", content: [{ type: "image_url", image_url: { url: PNG } }] },
      { role: "user", content: [{ type: "image_url", image_url: { url: PNG } }] },
    ],
  ])("is read: %s", (_, item, message) => {
    expect(messagesOf({ role: "user", content: "q" }, item)).toEqual([{ role: "user", content: "q" }, message]);
  });

  it("reaches no backend that reads only what is right", () => {
    expect(formOf(true, { role: "user", content: "q" }).dialect).toBe("responses");
    expect(formOf(true, { role: "user", content: [{ type: "text", text: "q" }] }).dialect).toBe("chat_completions");
    expect(formOf(true, { role: "user", content: "q" }, call({}), result("x")).dialect).toBe("chat_completions");
  });
});

describe("items of tools that ran elsewhere", () => {
  it("tell what a computer was made to do, and its screen", () => {
    const messages = messagesOf(
      { role: "user", content: "q" },
      {
        type: "computer_call",
        id: "cu",
        call_id: "c",
        action: { type: "click", x: 1, y: 2 },
        pending_safety_checks: [],
      },
      { type: "computer_call_output", call_id: "c", output: { type: "computer_screenshot", image_url: PNG } },
    ) as readonly { readonly tool_calls?: readonly object[] }[];
    expect(messages[1]?.tool_calls).toEqual([
      { id: "c", type: "function", function: { name: "computer", arguments: '{"type":"click","x":1,"y":2}' } },
    ]);
    expect(JSON.stringify(messages.slice(2))).toContain(PNG);
  });

  it("tell of a program what it returned", () => {
    expect(
      messagesOf(
        { role: "user", content: "q" },
        { type: "program", id: "p", call_id: "c", code: "1+1", fingerprint: "f" },
        { type: "program_output", id: "o", call_id: "c", result: "2", status: "completed" },
      ),
    ).toEqual([
      { role: "user", content: "q" },
      {
        role: "assistant",
        content: null,
        tool_calls: [{ id: "c", type: "function", function: { name: "program", arguments: '{"code":"1+1"}' } }],
      },
      returned("2"),
    ]);
  });

  it("are left out and named where nobody knows their type", () => {
    const request = requestOf(
      { role: "user", content: "q" },
      { type: "brand_new_call", secret: "x" },
      { type: "ghost_snapshot", ghost_commit: {} },
    );
    expect(request.ignored).toEqual(["brand_new_call"]);
    expect(messagesOf({ role: "user", content: "q" }, { type: "brand_new_call" })).toEqual([
      { role: "user", content: "q" },
    ]);
  });

  it("are an error where they are all there is", () => {
    expect(() => requestOf({ type: "brand_new_call" })).toThrow(HearthError);
  });
});

describe("thoughts that somebody else has encrypted", () => {
  it("are named, and no empty turn stands for them", () => {
    const foreign = { type: "reasoning", id: "rs", summary: [], encrypted_content: "gAAAAAB" };
    expect(requestOf({ role: "user", content: "q" }, foreign).ignored).toEqual(["reasoning"]);
    expect(messagesOf({ role: "user", content: "q" }, foreign, { role: "user", content: "z" })).toEqual([
      { role: "user", content: "q" },
      { role: "user", content: "z" },
    ]);
  });
});
