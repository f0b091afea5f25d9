import type { RequestId } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import { unlimited } from "../accounts/principal.js";
import { toChatRequest } from "../api/chat-completions/to-internal.js";
import { toCompletionRequest } from "../api/completions/to-internal.js";
import { toEmbeddingRequest } from "../api/embeddings/to-internal.js";
import { toMessagesRequest } from "../api/messages/to-internal.js";
import { toResponsesRequest } from "../api/responses/to-internal.js";
import type { Traits } from "../selection/traits.js";
import { type Caller, classify } from "./classify.js";
import type { InferenceRequest } from "./inference-request.js";
import { TokenCalibration } from "./token-calibration.js";

const ID = "req_1" as RequestId;
const PRINCIPAL = unlimited({ account: "alice", keyId: "key_1", name: "", scopes: ["inference"] });
const ALICE: Caller = { account: "alice", principal: PRINCIPAL, allowlist: undefined, route: "any" };
const SYSTEM = { role: "system", content: "You are kind." };
const HELLO = { role: "user", content: "Hello, who are you?" };
const REPLY = { role: "assistant", content: "A model." };
const MORE = { role: "user", content: "Which?" };

const read = (to: (raw: Buffer, id: RequestId) => InferenceRequest, body: object): InferenceRequest =>
  to(Buffer.from(JSON.stringify({ model: "m", ...body })), ID);
const chat = (messages: readonly object[], more: object = {}): InferenceRequest =>
  read(toChatRequest, { messages, ...more });
const conversationOf = (request: InferenceRequest, caller: Caller = ALICE): NonNullable<Traits["conversation"]> => {
  const { conversation } = classify(request, caller);
  if (conversation === undefined) throw new Error("it belongs to none");
  return conversation;
};

describe("a conversation", () => {
  it("is the same while it grows, and is continued once it was answered", () => {
    const first = conversationOf(chat([SYSTEM, HELLO]));
    const second = conversationOf(chat([SYSTEM, HELLO, REPLY, MORE]));
    expect(first).toEqual({ id: second.id, continued: false });
    expect(second.continued).toBe(true);
    const called = { role: "tool", tool_call_id: "c", content: "4" };
    expect(conversationOf(chat([SYSTEM, HELLO, called]))).toEqual({ id: first.id, continued: true });
  });

  it("is another one for another account, model, instruction or first question", () => {
    const ids = [
      conversationOf(chat([SYSTEM, HELLO])).id,
      conversationOf(chat([SYSTEM, HELLO]), { ...ALICE, account: "bob" }).id,
      conversationOf(chat([SYSTEM, HELLO], { model: "n" })).id,
      conversationOf(chat([HELLO])).id,
      conversationOf(chat([SYSTEM, MORE])).id,
      conversationOf(
        chat([
          { ...SYSTEM, content: "You are kind.Hello" },
          { ...HELLO, content: ", who are you?" },
        ]),
      ).id,
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("is told apart by its images as by its texts", () => {
    const shown = (data: string): string => {
      const image = { type: "image_url", image_url: { url: `data:image/png;base64,${data}` } };
      return conversationOf(chat([{ role: "user", content: [{ type: "text", text: "What is it?" }, image] }])).id;
    };
    expect(shown("AAAA")).toBe(shown("AAAA"));
    expect(shown("AAAA")).not.toBe(shown("BBBB"));
  });

  it("is known by its first 64 KiB, so that no prompt is hashed whole", () => {
    const long = (end: string): object => ({ role: "user", content: "x".repeat(64 * 1024) + end });
    expect(conversationOf(chat([long("a")])).id).toBe(conversationOf(chat([long("b")])).id);
  });

  it("grows in every dialect that has turns", () => {
    const pairs = [
      [
        { system: "Be kind.", messages: [HELLO] },
        { system: "Be kind.", messages: [HELLO, REPLY, MORE] },
      ],
    ].map((bodies) => bodies.map((body) => conversationOf(read(toMessagesRequest, { max_tokens: 9, ...body }))));
    pairs.push(
      [{ input: HELLO.content }, { input: [HELLO, REPLY, MORE] }].map((body) =>
        conversationOf(read(toResponsesRequest, { instructions: "Be kind.", ...body })),
      ),
    );
    for (const [first, second] of pairs) {
      expect(first).toEqual({ id: second?.id, continued: false });
      expect(second?.continued).toBe(true);
    }
  });

  it("shows nothing of what was said, nor of whose it is", () => {
    expect(conversationOf(chat([SYSTEM, HELLO])).id).toMatch(/^[\w-]{22}$/);
  });
});

describe("a session", () => {
  const named: Caller = { ...ALICE, session: "thread 7" };

  it("holds together what its consumer says, in every dialect", () => {
    const completion = read(toCompletionRequest, { prompt: "Once" });
    expect(classify(completion, ALICE).conversation).toBeUndefined();
    const { id, continued } = conversationOf(completion, named);
    expect(continued).toBe(true);
    expect(id).toMatch(/^[\w-]{22}$/);
    expect(conversationOf(chat([HELLO]), named).id).toBe(id);
  });

  it("is its account's own", () => {
    const other = conversationOf(chat([HELLO]), { ...named, account: "bob" });
    expect(conversationOf(chat([HELLO]), named).id).not.toBe(other.id);
  });
});

describe("the size of a prompt", () => {
  it("is as its model's backends have been reporting it", () => {
    const request = chat([HELLO]);
    const raw = request.promptTokens;
    expect(classify(request, ALICE)).toMatchObject({ promptTokens: raw, leastPromptTokens: Math.floor(raw / 2) });
    const calibration = new TokenCalibration();
    for (let count = 0; count < 20; count++) calibration.learn({ model: "m", provider: "p", raw, reported: 3 * raw });
    expect(classify(request, ALICE, calibration)).toMatchObject({ promptTokens: 3 * raw, leastPromptTokens: 3 * raw });
  });

  it("is that of the longest of several inputs", () => {
    const request = read(toEmbeddingRequest, { input: ["a", "word ".repeat(500)] });
    expect(classify(request, ALICE).promptTokens).toBe(request.longestInputTokens);
  });
});
