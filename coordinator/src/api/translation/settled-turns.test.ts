import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ChatMessage } from "./conversation.js";
import { asReminder, settledTurns } from "./settled-turns.js";

const system = (content: string): ChatMessage => ({ role: "system", content });
const user = (content: string): ChatMessage => ({ role: "user", content });
const assistant = (content: string): ChatMessage => ({ role: "assistant", content });
const called = (id: string): ChatMessage => ({
  role: "assistant",
  content: null,
  tool_calls: [{ id, type: "function", function: { name: "f", arguments: "{}" } }],
});
const result = (id: string, content: string): ChatMessage => ({ role: "tool", tool_call_id: id, content });
const picture = { type: "image_url", image_url: { url: "data:image/png;base64,AA==" } } as const;

describe("a conversation in the form that every template takes", () => {
  it("is the same list where there is nothing to settle", () => {
    const messages = [system("s"), user("hi"), called("a"), result("a", "ok"), assistant("done"), user("thanks")];
    expect(settledTurns(messages)).toBe(messages);
    expect(settledTurns([])).toEqual([]);
  });

  it("has what the system says later on in the turn that it follows, with its mark", () => {
    expect(settledTurns([system("s"), user("hi"), system("later"), assistant("hello")])).toEqual([
      system("s"),
      user("hi\n\n<system-reminder>\nlater\n</system-reminder>"),
      assistant("hello"),
    ]);
    expect(settledTurns([user("hi"), called("a"), result("a", "ok"), system("later")]).at(-1)).toEqual(
      result("a", `ok\n\n${asReminder("later")}`),
    );
  });

  it("has it as a turn of the user's behind one of the assistant's, with what the user says then", () => {
    expect(settledTurns([user("hi"), assistant("hello"), system("later"), user("go on")])).toEqual([
      user("hi"),
      assistant("hello"),
      user(`${asReminder("later")}\n\ngo on`),
    ]);
  });

  it("keeps pictures, and what has several parts, in order", () => {
    const looked: ChatMessage = { role: "user", content: [{ type: "text", text: "look" }, picture] };
    expect(settledTurns([looked, system("later"), user("what is it?")])).toEqual([
      {
        role: "user",
        content: [
          { type: "text", text: "look" },
          picture,
          { type: "text", text: asReminder("later") },
          { type: "text", text: "what is it?" },
        ],
      },
    ]);
    expect(settledTurns([called("a"), result("a", "ok"), looked])).toEqual([called("a"), result("a", "ok"), looked]);
  });

  it("has the user's words behind a result with it, told from it", () => {
    expect(settledTurns([called("a"), result("a", "ok"), user("stop"), user(asReminder("be brief"))]).at(-1)).toEqual(
      result("a", `ok\n\nThe user says:\nstop\n\n${asReminder("be brief")}`),
    );
  });

  it("has two messages of the assistant as one", () => {
    const thinking: ChatMessage = { role: "assistant", content: "a", reasoning_content: "hm" };
    expect(settledTurns([user("hi"), thinking, assistant("b"), called("c")])).toEqual([
      user("hi"),
      { ...called("c"), content: "a\n\nb", reasoning_content: "hm" },
    ]);
  });
});

it("keeps the turns as they are where the template counts none, and marks what the system says there", () => {
  const turns = [user("hi"), user("you"), called("a"), result("a", "ok"), user("stop"), assistant("a"), assistant("b")];
  expect(settledTurns(turns, "free")).toBe(turns);
  expect(settledTurns([system("s"), ...turns, system("later")], "free")).toEqual([
    system("s"),
    ...turns,
    user(asReminder("later")),
  ]);
  expect(settledTurns([user("hi"), system("later"), user("you")], "free")).toEqual([
    user(`hi\n\n${asReminder("later")}`),
    user("you"),
  ]);
});

const text = fc.constantFrom("a", "b", "c", "d");
const anyMessage: fc.Arbitrary<ChatMessage> = fc.oneof(
  text.map(system),
  text.map(user),
  text.map(assistant),
  text.map((content) => result("x", content)),
);

describe("whatever is said", () => {
  it("has the system at the head only, and nobody twice in a row", () => {
    fc.assert(
      fc.property(fc.array(anyMessage), (messages) => {
        const roles = settledTurns(messages).map(({ role }) => role);
        expect(roles.lastIndexOf("system")).toBeLessThanOrEqual(0);
        for (const [index, role] of roles.entries()) if (role !== "tool") expect(roles[index + 1]).not.toBe(role);
      }),
    );
  });

  it("is all there, in order, and the same when it is settled again", () => {
    fc.assert(
      fc.property(fc.array(anyMessage), (messages) => {
        const [first, ...others] = messages;
        // A second message of the system at the head is joined before, as the first one's.
        fc.pre(first?.role !== "system" || others[0]?.role !== "system");
        const settled = settledTurns(messages);
        const said = JSON.stringify(settled.map(({ content }) => content))
          .replaceAll(/The user says:|<\/?system-reminder>/g, "")
          .replaceAll(/\\n|[^abcd]/g, "");
        expect(said).toBe(messages.map(({ content }) => content).join(""));
        expect(settledTurns(settled)).toBe(settled);
      }),
    );
  });

  it("begins the same when more is said after an answer, so that caches keep it", () => {
    fc.assert(
      fc.property(fc.array(anyMessage), fc.array(anyMessage), (before, after) => {
        const turn = [...before, user("go on")];
        const settled = settledTurns(turn);
        const longer = settledTurns([...turn, assistant("yes"), user("and"), ...after]);
        expect(longer.slice(0, settled.length)).toEqual(settled);
      }),
    );
  });
});
