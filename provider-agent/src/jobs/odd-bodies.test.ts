import { describe, expect, it } from "vitest";
import { answerJson, type BackendScript, chunk, DONE, USAGE_EVENT } from "../testing/scripted-backend.js";
import { startSetting } from "../testing/test-agent.js";

const BODY = { model: "m", messages: [{ role: "user", content: "Hi" }], stream: true };
const EVENTS = [chunk({ role: "assistant", content: "abc" }), chunk({}, "stop"), DONE].join("");

/** A backend that answers 200 with these bytes under this content type, or none. */
const typed =
  (type: string | undefined, ...parts: readonly string[]): BackendScript =>
  ({ response }) => {
    response.writeHead(200, type === undefined ? {} : { "content-type": type });
    for (const part of parts) response.write(part);
    response.end();
  };

describe("a stream of events", () => {
  it.each([
    undefined,
    "Text/Event-Stream; Charset=UTF-8",
    "text/plain",
    "application/json",
    "application/octet-stream",
  ])("is one whatever its content type says: %s", async (type) => {
    await using setting = await startSetting(typed(type, EVENTS));
    const sent = setting.link.request(BODY);
    expect((await sent.end()).type).toBe("complete");
    expect(sent.text).toBe(EVENTS);
  });

  it.each([
    ["\ufeff", EVENTS],
    ["\n", "\r\n", EVENTS],
    [": ping\n\n", EVENTS],
    ["d", EVENTS.slice(1)],
  ])("is one however it begins: %j", async (...parts) => {
    await using setting = await startSetting(typed(undefined, ...parts));
    const sent = setting.link.request(BODY, { delivery: "whole" });
    expect((await sent.end()).type).toBe("complete");
    expect(JSON.parse(sent.text)).toMatchObject({ choices: [{ message: { content: "abc" } }] });
  });
});

describe("a whole answer to a question that was to be streamed", () => {
  const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
  const whole = {
    id: "c9",
    object: "chat.completion",
    created: 1,
    model: "m",
    choices: [{ index: 0, message: { role: "assistant", content: "whole json" }, finish_reason: "stop" }],
    usage,
  };

  it.each([undefined, "application/json", "text/event-stream"])("is told as a stream: %s", async (type) => {
    await using setting = await startSetting(typed(type, JSON.stringify(whole)));
    const sent = setting.link.request(BODY);
    expect(await sent.end()).toMatchObject({ type: "complete", usage: { prompt_tokens: 3, completion_tokens: 2 } });
    const events = sent.text.split("\n\n").filter((each) => each !== "");
    expect(events.at(-1)).toBe("data: [DONE]");
    const head = { id: "c9", object: "chat.completion.chunk", created: 1, model: "m" };
    expect(events.slice(0, -1).map((each) => JSON.parse(each.slice("data: ".length)))).toEqual([
      { ...head, choices: [{ index: 0, delta: { role: "assistant", content: "whole json" }, finish_reason: null }] },
      { ...head, choices: [{ index: 0, delta: {}, finish_reason: "stop" }] },
      { ...head, choices: [], usage },
    ]);
  });

  it("is told whole where that is asked", async () => {
    await using setting = await startSetting((call) => answerJson(call, 200, whole));
    const sent = setting.link.request(BODY, { delivery: "whole" });
    expect((await sent.end()).type).toBe("complete");
    expect(JSON.parse(sent.text)).toMatchObject({ id: "c9", choices: [{ message: { content: "whole json" } }], usage });
  });

  it.each([
    [{ detail: "Model overloaded" }, 502],
    [{ object: "error", message: "too long", code: 400 }, 400],
    [{ ...whole, choices: [{ index: 0, message: { content: "" }, finish_reason: "abort" }] }, 502],
    [{}, 502],
  ])("is a failure where it says so: %j", async (body, status) => {
    await using setting = await startSetting((call) => answerJson(call, 200, body));
    expect(await setting.link.request(BODY).end()).toMatchObject({ type: "error", status });
  });
});

it.each(["<html>It works!</html>", "Internal error", ""])("is no answer: %j", async (text) => {
  await using setting = await startSetting(typed("text/plain", text));
  expect(await setting.link.request(BODY).end()).toMatchObject({ type: "error", code: "backend_error", status: 502 });
});

describe("an answer that its server has not counted", () => {
  const words = "word ".repeat(4_000);
  const question = { ...BODY, messages: [{ role: "user", content: words }] };
  const isNear = (tokens: number): boolean => tokens > 3_600 && tokens < 5_200;

  it.each(["interactive", "whole"] as const)("is estimated by its texts, and says so (%s)", async (delivery) => {
    const text = chunk({ role: "assistant", content: words }) + chunk({}, "stop") + DONE;
    await using setting = await startSetting(typed("text/event-stream", text));
    const short = await setting.link.request(BODY, { delivery }).end();
    const long = await setting.link.request(question, { delivery }).end();
    if (short.type !== "complete" || long.type !== "complete") throw new Error("It has failed.");
    expect(short.usage).toMatchObject({ prompt_tokens: 1, estimated: true });
    expect(isNear(short.usage.completion_tokens)).toBe(true);
    expect(isNear(long.usage.prompt_tokens)).toBe(true);
  });

  it("has a token an event where they come one by one", async () => {
    const text = "one two three".split(" ").map((content) => chunk({ content }));
    await using setting = await startSetting(typed("text/event-stream", ...text, chunk({}, "stop"), DONE));
    expect(await setting.link.request(BODY).end()).toMatchObject({ usage: { completion_tokens: 3, estimated: true } });
  });

  it("is not estimated where it has", async () => {
    await using counted = await startSetting(typed("text/event-stream", EVENTS.replace(DONE, USAGE_EVENT + DONE)));
    expect(await counted.link.request(BODY).end()).not.toHaveProperty("usage.estimated");
  });
});
