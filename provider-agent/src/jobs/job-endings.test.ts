import { LIMITS } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import { eventually } from "../testing/eventually.js";
import {
  answer,
  answerJson,
  CHAT_BODY,
  chunk,
  DONE,
  startEvents,
  streamOf,
  writeTo,
} from "../testing/scripted-backend.js";
import { startSetting } from "../testing/test-agent.js";
import { EVENT_LIMITS } from "./pieces.js";

describe("a cancel", () => {
  it("is seen by the backend within 100 ms, and confirmed with what was spent", async () => {
    await using setting = await startSetting((call) => {
      startEvents(call);
      call.response.write(chunk({ content: "a" }) + chunk({ content: "b" }));
    });
    const sent = setting.link.request(CHAT_BODY);
    await sent.received('"b"');
    sent.cancel();
    expect(await eventually(() => setting.backend.calls[0]?.aborted === true)).toBeLessThan(100);
    expect(await sent.end()).toMatchObject({
      code: "cancelled",
      progress: "processed",
      usage: { completion_tokens: 2 },
    });
  });

  it("ends a request that the backend has not answered", async () => {
    await using setting = await startSetting(() => {});
    const sent = setting.link.request(CHAT_BODY);
    await eventually(() => setting.backend.calls.length === 1);
    sent.cancel("lost_race");
    expect(await eventually(() => setting.backend.calls[0]?.aborted === true)).toBeLessThan(100);
    expect(await sent.end()).toMatchObject({ code: "cancelled", progress: "processed" });
  });

  it("ends an answer that waits for credit", async () => {
    await using setting = await startSetting(streamOf(chunk({ content: "x".repeat(60_000) }).repeat(100)));
    const sent = setting.link.request(CHAT_BODY);
    await eventually(() => sent.text.length >= LIMITS.initialCreditBytes);
    sent.cancel();
    expect(await sent.end()).toMatchObject({ code: "cancelled" });
  });

  it("or a credit for a stream that is not there changes nothing", async () => {
    await using setting = await startSetting((call) => answer(call));
    setting.link.send({ type: "cancel", stream: 4_711, reason: "deadline" });
    setting.link.send({ type: "credit", stream: 4_711, bytes: 1 });
    expect((await setting.link.request(CHAT_BODY).end()).type).toBe("complete");
    expect(setting.coordinator.links).toHaveLength(1);
  });
});

describe("a failure of the backend", () => {
  const refusal = { error: { message: "Your prompt `Hi, Zoë` is too long", type: "invalid_request_error", code: 400 } };

  it.each([
    [400, "bad_request", "refused"],
    [422, "bad_request", "refused"],
    [401, "backend_error", "refused"],
    [404, "model_not_found", "refused"],
    [429, "capacity", "refused"],
    [503, "capacity", "refused"],
    [500, "backend_error", "processed"],
  ] as const)("HTTP %i is told as %s, its body sealed", async (status, code, progress) => {
    await using setting = await startSetting((call) => answerJson(call, status, refusal));
    const sent = setting.link.request(CHAT_BODY);
    expect(await sent.end()).toMatchObject({ type: "error", code, status, progress });
    expect(sent.errorBody()).toEqual(refusal);
    expect(sent.chunks).toEqual([]);
  });

  it("HTTP 500 for a prompt that is too long is told as the request's fault", async () => {
    const words = { error: "the input length exceeds the context length" };
    await using setting = await startSetting((call) => answerJson(call, 500, words));
    const sent = setting.link.request(CHAT_BODY);
    expect(await sent.end()).toMatchObject({ type: "error", code: "bad_request", status: 400, progress: "refused" });
    expect(sent.errorBody()).toEqual(words);
  });

  it("HTTP 200 with an error inside is told with its number", async () => {
    await using setting = await startSetting((call) =>
      answerJson(call, 200, { error: { code: 429, message: "busy" } }),
    );
    const sent = setting.link.request(CHAT_BODY);
    expect(await sent.end()).toMatchObject({ type: "error", code: "capacity", status: 429, progress: "refused" });
  });

  it("HTTP 200 with anything else that is no stream is a bad gateway", async () => {
    await using setting = await startSetting((call) => void call.response.end("<html>It works!</html>"));
    expect(await setting.link.request(CHAT_BODY).end()).toMatchObject({ code: "backend_error", status: 502 });
  });

  it("an error event inside the stream goes to the coordinator as it is", async () => {
    const event = `data: ${JSON.stringify({ error: { code: 500, message: "boom" } })}\n\n`;
    await using setting = await startSetting(streamOf(event));
    const sent = setting.link.request(CHAT_BODY);
    expect(await sent.end()).toMatchObject({
      type: "error",
      code: "backend_error",
      status: 500,
      progress: "processed",
    });
    expect(sent.text).toBe(event);
    expect(sent.errorBody()).toBeUndefined();
  });

  it("nobody listening there means that nothing was started", async () => {
    await using setting = await startSetting((call) => answer(call));
    await setting.backend[Symbol.asyncDispose]();
    const sent = setting.link.request(CHAT_BODY);
    expect(await sent.end()).toMatchObject({ code: "backend_unreachable", progress: "not_started" });
  });

  it("a stream cut in the middle is an error, whatever came before", async () => {
    await using setting = await startSetting(async (call) => {
      startEvents(call);
      call.response.write(chunk({ content: "half" }));
      await eventually(() => sent.text.includes("half"));
      call.response.destroy();
    });
    const sent = setting.link.request(CHAT_BODY);
    expect(await sent.end()).toMatchObject({ code: "backend_error", status: 502, progress: "processed" });
    expect(sent.finished).toBe(false);
  });

  it("a stream that ends inside an event is an error", async () => {
    await using setting = await startSetting(streamOf(chunk({ content: "x" }), 'data: {"choices":[{"del'));
    const sent = setting.link.request(CHAT_BODY);
    expect(await sent.end()).toMatchObject({ code: "backend_error", status: 502 });
    expect(sent.text).toBe(chunk({ content: "x" }));
  });

  it("an event that never ends is given up before it fills the memory", async () => {
    let written = 0;
    await using setting = await startSetting(async (call) => {
      startEvents(call);
      while (!call.aborted) {
        written += 64 * 1024;
        await writeTo(call, "x".repeat(64 * 1024));
      }
    });
    expect(await setting.link.request(CHAT_BODY).end()).toMatchObject({ code: "backend_error", status: 502 });
    await eventually(() => setting.backend.calls[0]?.aborted === true);
    expect(written).toBeLessThan(32 * 1024 * 1024);
  });

  it("the largest event that may be goes through, and one more byte does not", async () => {
    const sized = (bytes: number): string => `data: ${"x".repeat(bytes - 8)}\n\n`;
    await using setting = await startSetting((call) => streamOf(sized(JSON.parse(call.body).bytes), DONE)(call));
    const fits = setting.link.request({ bytes: EVENT_LIMITS.eventBytes });
    fits.grant(2 * EVENT_LIMITS.eventBytes);
    expect((await fits.end()).type).toBe("complete");
    expect(fits.text.length).toBe(EVENT_LIMITS.eventBytes + DONE.length);
    const over = setting.link.request({ bytes: EVENT_LIMITS.eventBytes + 1 });
    over.grant(2 * EVENT_LIMITS.eventBytes);
    expect(await over.end()).toMatchObject({ code: "backend_error", status: 502 });
    expect(setting.link.closed).toBeUndefined();
  });

  it("does no harm to the answers beside it", async () => {
    await using setting = await startSetting((call) => {
      if (JSON.parse(call.body).bad) call.request.socket.destroy();
      else answer(call);
    });
    const requests = Array.from({ length: 20 }, (_, i) => setting.link.request({ bad: i % 2 === 1 }));
    const endings = await Promise.all(requests.map((each) => each.end()));
    expect(endings.map(({ type }) => type)).toEqual(requests.map((_, i) => (i % 2 === 1 ? "error" : "complete")));
  });
});
