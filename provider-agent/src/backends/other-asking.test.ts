import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { answer, answerJson, type BackendScript, chunk, DONE, startEvents } from "../testing/scripted-backend.js";
import { startSetting } from "../testing/test-agent.js";
import { askedOtherwise, type Inability, inabilityIn } from "./other-asking.js";

const TOOLS = [{ type: "function", function: { name: "f" } }];
const BODY = { model: "m", messages: [{ role: "user", content: 'Zoë: "stream":true' }], stream: true };
const OPTIONS = { stream_options: { include_usage: true } };

const without = (body: string, ...cannot: readonly Inability[]): string =>
  Buffer.from(askedOtherwise(Buffer.from(body), new Set(cannot))).toString();

describe("a body for a server that cannot do all", () => {
  it.each([
    ['{"a":1,"stream_options":{"include_usage":true}}', '{"a":1}'],
    ['{"stream_options": {"include_usage":true}, "a":1}', '{"a":1}'],
    ['{"stream_options":{}}', "{}"],
    ['{"a":"\\"stream_options\\":{}"}', '{"a":"\\"stream_options\\":{}"}'],
  ])("has no stream_options: %s", (body, expected) => expect(without(body, "stream_options")).toBe(expected));

  it("asks for a whole answer with tools, and for a stream without", () => {
    const body = { ...BODY, ...OPTIONS, tools: TOOLS };
    expect(JSON.parse(without(JSON.stringify(body), "stream_with_tools"))).toEqual({
      ...BODY,
      tools: TOOLS,
      stream: false,
    });
    expect(without(JSON.stringify(BODY), "stream_with_tools")).toBe(JSON.stringify(BODY));
  });
});

it.each([
  ["Unrecognized request argument: stream_options", { ...BODY, ...OPTIONS }, "stream_options"],
  ["Cannot use tools with stream", { ...BODY, tools: TOOLS }, "stream_with_tools"],
  ["streaming is not supported with function calling", { ...BODY, tools: TOOLS }, "stream_with_tools"],
  ["Unrecognized request argument: stream_options", BODY, undefined],
  ["Cannot use tools with stream", BODY, undefined],
  ["the tool's schema is broken", { ...BODY, tools: TOOLS }, undefined],
])("reads of a refusal what to leave out: %s", (words, body, inability) => {
  expect(inabilityIn(words, Buffer.from(JSON.stringify(body)))).toBe(inability);
});

/** Refuses what names this, and answers the rest. */
const refusing =
  (member: string, words: string): BackendScript =>
  (call) =>
    call.body.includes(member) ? answerJson(call, 400, { error: { message: words } }) : answer(call);

it("is asked once more, and from then on without", async () => {
  await using setting = await startSetting(refusing("stream_options", "stream_options is not supported"));
  for (const calls of [2, 3]) {
    const sent = setting.link.request({ ...BODY, ...OPTIONS });
    expect((await sent.end()).type).toBe("complete");
    expect(setting.backend.calls).toHaveLength(calls);
  }
});

it("gets the backend's words when nothing helps", async () => {
  await using setting = await startSetting(refusing("stream", "no"));
  const sent = setting.link.request({ ...BODY, ...OPTIONS });
  expect(await sent.end()).toMatchObject({ type: "error", code: "bad_request", status: 400 });
  expect(sent.errorBody()).toEqual({ error: { message: "no" } });
  expect(setting.backend.calls).toHaveLength(1);
});

it("inflates what nobody asked to be compressed", async () => {
  const events = chunk({ content: "abc" }) + chunk({}, "stop") + DONE;
  await using setting = await startSetting((call) => {
    call.response.setHeader("content-encoding", "gzip");
    startEvents(call);
    call.response.end(gzipSync(events));
  });
  const sent = setting.link.request(BODY);
  expect((await sent.end()).type).toBe("complete");
  expect(sent.text).toBe(events);
  expect(setting.backend.calls[0]?.request.headers["accept-encoding"]).toBe("identity");
});
