import { setTimeout as delay } from "node:timers/promises";
import { LIMITS } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import { eventually } from "../testing/eventually.js";
import {
  answer,
  answerJson,
  type BackendCall,
  CHAT_BODY,
  chunk,
  DONE,
  startEvents,
  streamOf,
  USAGE_EVENT,
  writeTo,
} from "../testing/scripted-backend.js";
import { startSetting } from "../testing/test-agent.js";

describe("a streamed answer", () => {
  it("comes back byte for byte, with the backend's counts", async () => {
    await using setting = await startSetting((call) => answer(call));
    const sent = setting.link.request(CHAT_BODY);
    expect(await sent.end()).toMatchObject({
      type: "complete",
      usage: { prompt_tokens: 7, completion_tokens: 3, cached_tokens: 2 },
    });
    const expected = [
      chunk({ role: "assistant", content: "" }),
      chunk({ content: "Hello" }),
      chunk({ content: " there" }),
      chunk({}, "stop"),
      USAGE_EVENT,
      DONE,
    ];
    expect(sent.text).toBe(expected.join(""));
    expect(setting.backend.calls[0]).toMatchObject({ path: "/v1/chat/completions", body: JSON.stringify(CHAT_BODY) });
  });

  it("is told event by event as they come, to a consumer who reads along", async () => {
    let call: BackendCall | undefined;
    await using setting = await startSetting((each) => {
      call = each;
      startEvents(each);
    });
    const sent = setting.link.request(CHAT_BODY);
    await eventually(() => call !== undefined);
    for (const content of ["one", "two", "three"]) {
      call?.response.write(chunk({ content }));
      await sent.received(content);
    }
    call?.response.end(DONE);
    expect((await sent.end()).type).toBe("complete");
  });

  it("needs no end mark where the body ends behind an event", async () => {
    await using setting = await startSetting(streamOf(chunk({ content: "x" }), "\n"));
    const sent = setting.link.request(CHAT_BODY);
    expect((await sent.end()).type).toBe("complete");
    expect(sent.text).toBe(chunk({ content: "x" }));
  });

  it("gets the blank line that some leave out behind the end mark", async () => {
    await using setting = await startSetting(streamOf(chunk({ content: "x" }), "data: [DONE]\n"));
    const sent = setting.link.request(CHAT_BODY);
    expect((await sent.end()).type).toBe("complete");
    expect(sent.text.trimEnd()).toMatch(/data: \[DONE\]$/);
  });

  it("is one body under `whole`, and its being written is told meanwhile", async () => {
    const texts = Array.from({ length: 3_000 }, (_, i) => ` word-${i}`);
    await using setting = await startSetting(async (call) => {
      startEvents(call);
      call.response.write(chunk({ content: "first" }));
      await eventually(() => sent.control.length > 0);
      for (const content of texts) await writeTo(call, chunk({ content }));
      call.response.end(USAGE_EVENT + DONE);
    });
    const sent = setting.link.request(CHAT_BODY, { delivery: "whole" });
    expect(await sent.end()).toMatchObject({ type: "complete", usage: { prompt_tokens: 7, completion_tokens: 3 } });
    expect(sent.control[0]).toMatchObject({ type: "working", sign: "generating", counter: 1 });
    expect(sent.holdings).toEqual(["content"]);
    const message = { role: "assistant", content: `first${texts.join("")}`, refusal: null };
    expect(JSON.parse(sent.text)).toMatchObject({ object: "chat.completion", choices: [{ index: 0, message }] });
  });

  it("under `whole`, is nothing at all when the backend breaks off", async () => {
    await using setting = await startSetting((call) => {
      startEvents(call);
      call.response.write(chunk({ content: "half" }), () => call.response.destroy());
    });
    const sent = setting.link.request(CHAT_BODY, { delivery: "whole" });
    expect(await sent.end()).toMatchObject({ type: "error", code: "backend_error", progress: "processed" });
    expect(sent.chunks).toEqual([]);
  });

  it("under `whole`, is an error over as many bytes as one body may have", async () => {
    const big = "x".repeat(900_000);
    await using setting = await startSetting(async (call) => {
      startEvents(call);
      for (let part = 0; part < 19; part++) await writeTo(call, chunk({ content: big }));
      call.response.end(DONE);
    });
    const sent = setting.link.request(CHAT_BODY, { delivery: "whole" });
    expect(await sent.end()).toMatchObject({ type: "error", code: "backend_error", status: 502 });
    expect(sent.chunks).toEqual([]);
  });

  it("reaches the backend whole when its request came in many parts", async () => {
    await using setting = await startSetting((call) => answer(call));
    const body = { ...CHAT_BODY, filler: "ü".repeat(200_000) };
    const sent = setting.link.request(body, { chunkBytes: 30_000 });
    expect((await sent.end()).type).toBe("complete");
    expect(setting.backend.calls[0]?.body).toBe(JSON.stringify(body));
  });

  it("leaves the backend's connection to the next one", async () => {
    await using setting = await startSetting((call) => answer(call));
    for (let i = 0; i < 5; i++) {
      expect((await setting.link.request(CHAT_BODY).end()).type).toBe("complete");
    }
    const sockets = new Set(setting.backend.calls.map(({ request }) => request.socket));
    expect(sockets.size).toBeLessThanOrEqual(2);
  });

  it("is tried again when the backend had just closed the kept connection", async () => {
    await using setting = await startSetting((call) => answer(call));
    await setting.link.request(CHAT_BODY).end();
    // The next request goes out on a connection whose end has not been noticed yet.
    const first = setting.backend.calls[0]?.request.socket;
    let cut = false;
    first?.on("data", () => {
      if (!cut) first.resetAndDestroy();
      cut = true;
    });
    expect((await setting.link.request(CHAT_BODY).end()).type).toBe("complete");
    expect(cut).toBe(true);
  });
});

describe("credit", () => {
  it("spent up stops the reading from the backend, and granted starts it again", async () => {
    const event = chunk({ content: "x".repeat(32_000) });
    let written = 0;
    await using setting = await startSetting(async (call) => {
      startEvents(call);
      for (let i = 0; i < 400 && !call.aborted; i++) {
        written += event.length;
        await writeTo(call, event);
      }
      call.response.end(DONE);
    });
    const sent = setting.link.request(CHAT_BODY);
    await eventually(() => sent.text.length >= LIMITS.initialCreditBytes);
    // The backend can fill no more than the socket buffers between the two: far less than the 13 MB of the answer.
    let before = -1;
    await eventually(async () => {
      const still = written === before;
      before = written;
      await delay(50);
      return still;
    });
    expect(written).toBeLessThan(400 * event.length);
    expect(sent.text.length).toBeLessThan(LIMITS.initialCreditBytes + LIMITS.responseChunkBytes);
    sent.grant(LIMITS.initialCreditBytes);
    await eventually(() => sent.text.length >= 2 * LIMITS.initialCreditBytes);
    expect(sent.text.length).toBeLessThan(2 * LIMITS.initialCreditBytes + LIMITS.responseChunkBytes);
    sent.grant(100_000_000);
    expect((await sent.end(10_000)).type).toBe("complete");
    expect(sent.text).toBe(event.repeat(400) + DONE);
  });
});

describe("embeddings", () => {
  const vectors = (count: number): object => ({
    object: "list",
    data: Array.from({ length: count }, (_, index) => ({ index, embedding: [0.1, -0.25, 0.5] })),
    usage: { prompt_tokens: 11, total_tokens: 11 },
  });

  it.each([1, 10_000])("come back as one JSON body, cut anywhere: %i vectors", async (count) => {
    await using setting = await startSetting((call) => answerJson(call, 200, vectors(count)));
    const sent = setting.link.request({ input: "x" }, { dialect: "embeddings" });
    sent.grant(10_000_000);
    expect(await sent.end()).toMatchObject({ type: "complete", usage: { prompt_tokens: 11, completion_tokens: 0 } });
    expect(JSON.parse(sent.text)).toEqual(vectors(count));
    expect(setting.backend.calls[0]?.path).toBe("/v1/embeddings");
  });

  it.each([
    ["a page", 200, "text/html"],
    ["a redirect", 307, "application/json"],
    ["nothing at all", 204, "application/json"],
  ])("that are %s are an error", async (_name, status, type) => {
    await using setting = await startSetting((call) => {
      call.response.writeHead(status, { "content-type": type, location: "http://127.0.0.1:9/" });
      call.response.end(status === 204 ? undefined : "<html></html>");
    });
    const sent = setting.link.request({ input: "x" }, { dialect: "embeddings" });
    expect(await sent.end()).toMatchObject({ type: "error", code: "backend_error", status: 502 });
  });

  it("that are larger than a body may be are an error", async () => {
    await using setting = await startSetting((call) => {
      call.response.writeHead(200, { "content-type": "application/json" });
      call.response.end(Buffer.alloc(LIMITS.responseBodyBytes + 1, " "));
    });
    const sent = setting.link.request({ input: "x" }, { dialect: "embeddings" });
    expect(await sent.end()).toMatchObject({ code: "backend_error", status: 502 });
  });
});

describe("what the coordinator may not send", () => {
  it("a body that is longer or shorter than announced closes the connection", async () => {
    for (const body_bytes of [3, 10_000]) {
      await using setting = await startSetting((call) => answer(call));
      setting.link.request(CHAT_BODY, { body_bytes });
      await eventually(() => setting.link.closed !== undefined);
      expect(setting.link.closed).toBe(4422);
      expect(setting.backend.calls).toHaveLength(0);
    }
  });

  it("a stream that is open already closes the connection", async () => {
    await using setting = await startSetting(() => {});
    setting.link.request(CHAT_BODY, { stream: 5 });
    setting.link.request(CHAT_BODY, { stream: 5 });
    await eventually(() => setting.link.closed !== undefined);
    expect(setting.link.closed).toBe(4422);
  });

  it("a stream that has ended, or was refused, is not to be opened again", async () => {
    for (const options of [{}, { context_id: "gone" }]) {
      await using setting = await startSetting((call) => answer(call));
      await setting.link.request(CHAT_BODY, { stream: 5, ...options }).end();
      for (const stream of [4, 6])
        expect((await setting.link.request(CHAT_BODY, { stream }).end()).type).toBe("complete");
      expect(setting.link.closed).toBeUndefined();
      setting.link.request(CHAT_BODY, { stream: 5 });
      await eventually(() => setting.link.closed !== undefined);
      expect(setting.link.closed).toBe(4422);
      expect(setting.backend.calls).toHaveLength("context_id" in options ? 2 : 3);
    }
  });

  it("a request under an unknown context, or bound to another id, is refused without a word to the backend", async () => {
    await using setting = await startSetting((call) => answer(call));
    const sent = setting.link.request(CHAT_BODY, { context_id: "old" });
    expect(await sent.end()).toMatchObject({ code: "decryption_failed", progress: "not_started" });
    const moved = setting.link.request(CHAT_BODY, { request_id: "another" });
    expect(await moved.end()).toMatchObject({ code: "decryption_failed", progress: "not_started" });
    expect(setting.backend.calls).toHaveLength(0);
  });

  it("a frame that is no frame closes the connection", async () => {
    for (const message of ["{", Buffer.from([9, 9, 9])]) {
      await using setting = await startSetting((call) => answer(call));
      setting.link.socket.send(message);
      await eventually(() => setting.link.closed !== undefined);
      expect(setting.link.closed).toBe(4400);
      // And it comes back.
      await setting.coordinator.agent(2);
    }
  });
});
