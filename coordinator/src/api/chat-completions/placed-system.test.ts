import type { RequestId } from "@hearth/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { asReminder } from "../translation/settled-turns.js";
import { toChatRequest } from "./to-internal.js";

interface Message {
  readonly role: string;
  readonly content?: unknown;
}

const bodyOf = (messages: readonly object[]): string =>
  JSON.stringify({ model: "m", stream: true, stream_options: { include_usage: true }, messages });

function sent(text: string, systemAnywhere?: boolean): string {
  const { form } = toChatRequest(Buffer.from(text), "req" as RequestId);
  return Buffer.from(form({ dialects: [], systemAnywhere }, "m").body).toString();
}

const placed = (...messages: readonly object[]): readonly Message[] => JSON.parse(sent(bodyOf(messages))).messages;

const system = { role: "system", content: "s" };
const later = { role: "system", content: "la\nter" };
const user = { role: "user", content: "hi" };
const assistant = { role: "assistant", content: "hello" };
const result = { role: "tool", tool_call_id: "a", content: "ok" };
const mark = asReminder("la\nter");
const userWith = (content: unknown) => ({ role: "user", content });

describe("what the system says", () => {
  it("stays where it is, to the last byte, where the model takes it there", () => {
    const body = bodyOf([system, later, user, later, assistant, later]);
    expect(sent(body, true)).toBe(body);
  });

  it("stays where it is when it is said once, at the head", () => {
    for (const systemAnywhere of [false, undefined]) {
      const body = bodyOf([system, user, assistant, user]);
      expect(sent(body, systemAnywhere)).toBe(body);
    }
  });

  it("is one message at the head", () => {
    expect(placed(system, later, { role: "developer", content: "d" }, user)).toEqual([
      { role: "system", content: "s\n\nla\nter\n\nd" },
      user,
    ]);
    expect(placed({ role: "developer", content: [{ type: "text", text: "a" }] }, later, user)[0]).toEqual({
      role: "system",
      content: [
        { type: "text", text: "a" },
        { type: "text", text: "la\nter" },
      ],
    });
  });

  it("is a marked part of the turn before it", () => {
    expect(placed(user, later, assistant)).toEqual([userWith(`hi\n\n${mark}`), assistant]);
    expect(placed(user, later, later)).toEqual([userWith(`hi\n\n${mark}\n\n${mark}`)]);
    expect(placed(user, assistant, result, later)).toEqual([user, assistant, { ...result, content: `ok\n\n${mark}` }]);
    const text = { type: "text", text: "look" };
    expect(placed(userWith([text]), later)).toEqual([userWith([text, { type: "text", text: mark }])]);
    expect(placed(userWith([]), later)).toEqual([userWith([{ type: "text", text: mark }])]);
    expect(placed(userWith(""), later)).toEqual([userWith(mark)]);
  });

  it("is a part of the user's turn behind the assistant's, or one of its own", () => {
    expect(placed(user, assistant, later, later, user)).toEqual([
      user,
      assistant,
      userWith(`${mark}\n\n${mark}\n\nhi`),
    ]);
    expect(placed(user, assistant, later, later)).toEqual([user, assistant, userWith(`${mark}\n\n${mark}`)]);
    expect(placed(user, assistant, later, assistant)).toEqual([user, assistant, userWith(mark), assistant]);
    expect(placed(assistant, later, userWith(null))).toEqual([assistant, userWith(mark), userWith("")]);
  });

  it("is asked for under another name of the model as under its own", () => {
    const { form } = toChatRequest(Buffer.from(bodyOf([user, later])), "req" as RequestId);
    const body = (systemAnywhere: boolean) =>
      Buffer.from(form({ dialects: [], systemAnywhere }, "m-q4").body).toString();
    expect(JSON.parse(body(false)).messages).toEqual([userWith(`hi\n\n${mark}`)]);
    expect(JSON.parse(body(true)).messages).toEqual([user, later]);
  });
});

it("leaves everything else as it was written", () => {
  const text =
    '{ "model":"m","seed":9007199254740993,"stream":true,"stream_options":{"include_usage":true},\n "messages": [ ' +
    '{"role":"user","content":"a\\u0062","name":"x"} , {"role":"developer","content":"d","name":null}\n, ' +
    '{"role":"assistant","content":"c","x":1.0} ] }';
  expect(sent(text)).toBe(
    '{ "model":"m","seed":9007199254740993,"stream":true,"stream_options":{"include_usage":true},\n "messages": [ ' +
      '{"role":"user","content":"a\\u0062\\n\\n<system-reminder>\\nd\\n</system-reminder>","name":"x"}\n, ' +
      '{"role":"assistant","content":"c","x":1.0} ] }',
  );
});

it("has nobody's words lost, and the system's at the head only, whatever is said", () => {
  const content = fc.oneof(
    fc.constantFrom("a", "b", ""),
    fc.constant([{ type: "text", text: "c" }]),
    fc.constant(null),
  );
  const message = fc.record({
    role: fc.constantFrom("system", "developer", "user", "assistant", "tool"),
    content,
    name: fc.constantFrom(null, "n"),
  });
  const wordsOf = (messages: readonly Message[]): string =>
    JSON.stringify(messages.map((each) => each.content))
      .replaceAll(/system-reminder|"type":"text"|"text":|null|\\n/g, "")
      .replaceAll(/[^abc]/g, "");
  fc.assert(
    fc.property(fc.array(message, { minLength: 1 }), (messages) => {
      const after = placed(...messages);
      expect(wordsOf(after)).toBe(wordsOf(messages));
      expect(after.findLastIndex(({ role }) => role === "system" || role === "developer")).toBeLessThanOrEqual(0);
    }),
  );
});
