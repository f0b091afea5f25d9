import { describe, expect, it } from "vitest";
import { templateMessage } from "./template-messages.js";

describe("templateMessage", () => {
  it("joins text parts and takes a developer for a system", () => {
    const content = [
      { type: "text", text: "a" },
      { type: "text", text: "b" },
    ] as const;
    expect(templateMessage({ role: "developer", content })).toEqual({ role: "system", content: "a\nb" });
  });

  it("gives arguments of calls as objects, and no null", () => {
    const call = (text: string) => ({ id: "1", type: "function", function: { name: "f", arguments: text } }) as const;
    const message = templateMessage({
      role: "assistant",
      content: null,
      tool_calls: [call('{"a": 1}'), call(""), call("{")],
    });
    expect(message).toMatchObject({ role: "assistant", content: "" });
    expect(message.tool_calls?.map(({ function: called }) => called.arguments)).toEqual([{ a: 1 }, {}, "{"]);
  });

  it("keeps which call a result belongs to", () => {
    expect(templateMessage({ role: "tool", content: "5", tool_call_id: "1" })).toEqual({
      role: "tool",
      content: "5",
      tool_call_id: "1",
    });
  });
});
