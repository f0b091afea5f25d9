import { setTimeout as delay } from "node:timers/promises";
import { repeat } from "@hearth/platform";
import { LIMITS } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import { systemClock } from "../platform/clock.js";
import { CountingClock } from "../testing/counting-clock.js";
import { eventually } from "../testing/eventually.js";
import {
  answer,
  answerJson,
  type BackendCall,
  type BackendOptions,
  type BackendScript,
  chunk,
  DONE,
  startEvents,
  USAGE_EVENT,
  writeTo,
} from "../testing/scripted-backend.js";
import { startSetting } from "../testing/test-agent.js";
import { EVENT_LIMITS } from "./pieces.js";

const BODY = { model: "m", messages: [{ role: "user", content: "Hi, Zoë" }], stream: true };

/** A backend that answers with exactly these bytes as its event stream. */
const stream =
  (...parts: readonly string[]): BackendScript =>
  (call) => {
    startEvents(call);
    for (const part of parts) call.response.write(part);
    call.response.end();
  };

describe("a streamed answer", () => {
  it("comes back byte for byte, with the backend's counts", async () => {
    await using setting = await startSetting((call) => answer(call));
    const sent = setting.link.request(BODY);
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
    expect(setting.backend.calls[0]).toMatchObject({ path: "/v1/chat/completions", body: JSON.stringify(BODY) });
  });

  it("is told event by event as they come, to a consumer who reads along", async () => {
    let call: BackendCall | undefined;
    await using setting = await startSetting((each) => {
      call = each;
      startEvents(each);
    });
    const sent = setting.link.request(BODY);
    await eventually(() => call !== undefined);
    for (const content of ["one", "two", "three"]) {
      call?.response.write(chunk({ content }));
      await sent.received(content);
    }
    call?.response.end(DONE);
    expect((await sent.end()).type).toBe("complete");
  });

  it("needs no end mark where the body ends behind an event", async () => {
    await using setting = await startSetting(stream(chunk({ content: "x" }), "\n"));
    const sent = setting.link.request(BODY);
    expect((await sent.end()).type).toBe("complete");
    expect(sent.text).toBe(chunk({ content: "x" }));
  });

  it("gets the blank line that some leave out behind the end mark", async () => {
    await using setting = await startSetting(stream(chunk({ content: "x" }), "data: [DONE]\n"));
    const sent = setting.link.request(BODY);
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
    const sent = setting.link.request(BODY, { delivery: "whole" });
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
    const sent = setting.link.request(BODY, { delivery: "whole" });
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
    const sent = setting.link.request(BODY, { delivery: "whole" });
    expect(await sent.end()).toMatchObject({ type: "error", code: "backend_error", status: 502 });
    expect(sent.chunks).toEqual([]);
  });

  it("reaches the backend whole when its request came in many parts", async () => {
    await using setting = await startSetting((call) => answer(call));
    const body = { ...BODY, filler: "ü".repeat(200_000) };
    const sent = setting.link.request(body, { chunkBytes: 30_000 });
    expect((await sent.end()).type).toBe("complete");
    expect(setting.backend.calls[0]?.body).toBe(JSON.stringify(body));
  });

  it("leaves the backend's connection to the next one", async () => {
    await using setting = await startSetting((call) => answer(call));
    for (let i = 0; i < 5; i++) {
      expect((await setting.link.request(BODY).end()).type).toBe("complete");
    }
    const sockets = new Set(setting.backend.calls.map(({ request }) => request.socket));
    expect(sockets.size).toBeLessThanOrEqual(2);
  });

  it("is tried again when the backend had just closed the kept connection", async () => {
    await using setting = await startSetting((call) => answer(call));
    await setting.link.request(BODY).end();
    // The next request goes out on a connection whose end has not been noticed yet.
    const first = setting.backend.calls[0]?.request.socket;
    let cut = false;
    first?.on("data", () => {
      if (!cut) first.resetAndDestroy();
      cut = true;
    });
    expect((await setting.link.request(BODY).end()).type).toBe("complete");
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
    const sent = setting.link.request(BODY);
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

describe("a cancel", () => {
  it("is seen by the backend within 100 ms, and confirmed with what was spent", async () => {
    await using setting = await startSetting((call) => {
      startEvents(call);
      call.response.write(chunk({ content: "a" }) + chunk({ content: "b" }));
    });
    const sent = setting.link.request(BODY);
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
    const sent = setting.link.request(BODY);
    await eventually(() => setting.backend.calls.length === 1);
    sent.cancel("lost_race");
    expect(await eventually(() => setting.backend.calls[0]?.aborted === true)).toBeLessThan(100);
    expect(await sent.end()).toMatchObject({ code: "cancelled", progress: "processed" });
  });

  it("ends an answer that waits for credit", async () => {
    await using setting = await startSetting(stream(chunk({ content: "x".repeat(60_000) }).repeat(100)));
    const sent = setting.link.request(BODY);
    await eventually(() => sent.text.length >= LIMITS.initialCreditBytes);
    sent.cancel();
    expect(await sent.end()).toMatchObject({ code: "cancelled" });
  });

  it("or a credit for a stream that is not there changes nothing", async () => {
    await using setting = await startSetting((call) => answer(call));
    setting.link.send({ type: "cancel", stream: 4_711, reason: "deadline" });
    setting.link.send({ type: "credit", stream: 4_711, bytes: 1 });
    expect((await setting.link.request(BODY).end()).type).toBe("complete");
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
    const sent = setting.link.request(BODY);
    expect(await sent.end()).toMatchObject({ type: "error", code, status, progress });
    expect(sent.errorBody()).toEqual(refusal);
    expect(sent.chunks).toEqual([]);
  });

  it("HTTP 500 for a prompt that is too long is told as the request's fault", async () => {
    const words = { error: "the input length exceeds the context length" };
    await using setting = await startSetting((call) => answerJson(call, 500, words));
    const sent = setting.link.request(BODY);
    expect(await sent.end()).toMatchObject({ type: "error", code: "bad_request", status: 400, progress: "refused" });
    expect(sent.errorBody()).toEqual(words);
  });

  it("HTTP 200 with an error inside is told with its number", async () => {
    await using setting = await startSetting((call) =>
      answerJson(call, 200, { error: { code: 429, message: "busy" } }),
    );
    const sent = setting.link.request(BODY);
    expect(await sent.end()).toMatchObject({ type: "error", code: "capacity", status: 429, progress: "refused" });
  });

  it("HTTP 200 with anything else that is no stream is a bad gateway", async () => {
    await using setting = await startSetting((call) => void call.response.end("<html>It works!</html>"));
    expect(await setting.link.request(BODY).end()).toMatchObject({ code: "backend_error", status: 502 });
  });

  it("an error event inside the stream goes to the coordinator as it is", async () => {
    const event = `data: ${JSON.stringify({ error: { code: 500, message: "boom" } })}\n\n`;
    await using setting = await startSetting(stream(event));
    const sent = setting.link.request(BODY);
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
    const sent = setting.link.request(BODY);
    expect(await sent.end()).toMatchObject({ code: "backend_unreachable", progress: "not_started" });
  });

  it("a stream cut in the middle is an error, whatever came before", async () => {
    await using setting = await startSetting(async (call) => {
      startEvents(call);
      call.response.write(chunk({ content: "half" }));
      await eventually(() => sent.text.includes("half"));
      call.response.destroy();
    });
    const sent = setting.link.request(BODY);
    expect(await sent.end()).toMatchObject({ code: "backend_error", status: 502, progress: "processed" });
    expect(sent.finished).toBe(false);
  });

  it("a stream that ends inside an event is an error", async () => {
    await using setting = await startSetting(stream(chunk({ content: "x" }), 'data: {"choices":[{"del'));
    const sent = setting.link.request(BODY);
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
    expect(await setting.link.request(BODY).end()).toMatchObject({ code: "backend_error", status: 502 });
    await eventually(() => setting.backend.calls[0]?.aborted === true);
    expect(written).toBeLessThan(32 * 1024 * 1024);
  });

  it("the largest event that may be goes through, and one more byte does not", async () => {
    const sized = (bytes: number): string => `data: ${"x".repeat(bytes - 8)}\n\n`;
    await using setting = await startSetting((call) => stream(sized(JSON.parse(call.body).bytes), DONE)(call));
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

describe("a backend that is slow", () => {
  // A hundred times as fast: 45 s pass in 450 ms.
  const quick = { deps: { clock: new CountingClock(100) } };

  it("in giving headers is said to be nothing: silence is no sign of anything", async () => {
    let call: BackendCall | undefined;
    await using setting = await startSetting((each) => {
      call = each;
    }, quick);
    using _pings = repeat(systemClock, 50, () => setting.link.socket.ping());
    const sent = setting.link.request(BODY);
    const startedAt = systemClock.now();
    // Far more than a stall within an answer may last.
    await eventually(() => systemClock.now() - startedAt > 600);
    expect(sent.control).toEqual([]);
    if (call) answer(call);
    expect((await sent.end()).type).toBe("complete");
  });

  it.each([
    ["events", "text/event-stream", 200],
    ["an error body", "application/json", 500],
    ["a plain body", "application/json", 200],
  ])("in the middle of %s is stalled after 45 s, and let go", async (_what, type, status) => {
    await using setting = await startSetting(({ response }) => {
      response.writeHead(status, { "content-type": type });
      response.write(type === "text/event-stream" ? chunk({ content: "half" }) : '{"error":');
    }, quick);
    // The connection has a watch on silence of its own, which is to see the coordinator alive.
    using _pings = repeat(systemClock, 50, () => setting.link.socket.ping());
    expect(await setting.link.request(BODY).end()).toMatchObject({ code: "backend_stalled", status: 504 });
    await eventually(() => setting.backend.calls[0]?.aborted === true);
  });

  it("behind a comment or a role has as much time as one that says nothing", async () => {
    await using setting = await startSetting(async (call) => {
      const { response } = call;
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(`: ping\n\n${chunk({ role: "assistant", content: "" })}`);
      const startedAt = systemClock.now();
      // More than a stall within an answer may last.
      await eventually(() => systemClock.now() - startedAt > 700 || call.aborted);
      response.end(chunk({ content: "late" }) + DONE);
    }, quick);
    // The connection has a watch on silence of its own, which is to see the coordinator alive.
    using _pings = repeat(systemClock, 50, () => setting.link.socket.ping());
    const sent = setting.link.request(BODY);
    expect((await sent.end()).type).toBe("complete");
    expect(sent.text).toContain("late");
    expect(sent.holdings).toEqual(["preamble", "content", "trailer"]);
  });

  it("and sends comments that count nothing, is told of as a server, and waited for once", async () => {
    await using setting = await startSetting(async (call) => {
      startEvents(call);
      call.response.write(chunk({ content: "half" }));
      for (let i = 0; !call.aborted; i++) {
        call.response.write(`: keepalive ${1_790_000_000 + i}\n\n`);
        await delay(50);
      }
    }, quick);
    using _pings = repeat(systemClock, 50, () => setting.link.socket.ping());
    const sent = setting.link.request(BODY);
    const startedAt = systemClock.now();
    expect(await sent.end(10_000)).toMatchObject({ code: "backend_stalled" });
    // 45 s, and 45 s more from the last of them that counted.
    expect(systemClock.now() - startedAt).toBeLessThan(1_500);
    expect(sent.control[0]).toMatchObject({ sign: "generating", scope: "server", counter: expect.any(Number) });
  });

  it("in showing a tool call that it writes is asked how far it is, told of and waited for", async () => {
    let decoded = 0;
    const slots = () => {
      decoded += 5;
      const busy = { id: 0, id_task: 1, is_processing: true, next_token: [{ n_decoded: decoded }] };
      return { body: [busy, { id: 1, is_processing: false }] };
    };
    const backend: BackendOptions = {
      models: [{ id: "m", owned_by: "llamacpp" }],
      pages: { "GET /props": { body: { total_slots: 2 } }, "GET /slots": slots },
    };
    const script: BackendScript = async (call) => {
      // Whoever asks what it speaks sends nothing.
      if (call.body === "{}") return answerJson(call, 400, {});
      startEvents(call);
      call.response.write(chunk({ content: "I look." }));
      const startedAt = systemClock.now();
      // Twice as long as a backend may be silent within an answer.
      await eventually(() => systemClock.now() - startedAt > 900 || call.aborted);
      call.response.end(chunk({ tool_calls: [{ index: 0, function: { name: "f" } }] }) + DONE);
    };
    await using setting = await startSetting(script, { ...quick, backend });
    using _pings = repeat(systemClock, 50, () => setting.link.socket.ping());
    const sent = setting.link.request(BODY);
    expect((await sent.end()).type).toBe("complete");
    const signs = sent.control.filter(({ type }) => type === "working");
    expect(signs.length).toBeGreaterThan(10);
    for (const sign of signs) expect(sign).toMatchObject({ sign: "generating", stream: 1 });
    expect(signs.every((sign) => !("scope" in sign))).toBe(true);
  });

  it("in ending its body has its answer delivered all the same", async () => {
    await using setting = await startSetting((call) => {
      startEvents(call);
      call.response.write(chunk({ content: "x" }) + DONE);
    }, quick);
    expect((await setting.link.request(BODY).end()).type).toBe("complete");
    await eventually(() => setting.backend.calls[0]?.aborted === true);
  });
});

describe("a backend that loads its model", () => {
  it("is asked again, and the coordinator told that it loads", async () => {
    await using setting = await startSetting((call) => {
      if (setting.backend.calls.length > 2) return answer(call);
      answerJson(call, 503, { error: { code: 503, message: "Loading model", type: "unavailable_error" } });
    });
    const sent = setting.link.request(BODY);
    expect((await sent.end()).type).toBe("complete");
    expect(sent.control).toMatchObject([{ type: "working", sign: "loading", counter: 1 }, { type: "complete" }]);
    expect(setting.backend.calls).toHaveLength(3);
  });
});

it("a redirect with an event stream behind it is an error, and nobody follows it", async () => {
  await using setting = await startSetting((call) => {
    call.response.writeHead(307, { "content-type": "text/event-stream", location: `${setting.backend.url}/elsewhere` });
    call.response.end("data: {}\n\ndata: [DONE]\n\n");
  });
  expect(await setting.link.request(BODY).end()).toMatchObject({ type: "error", code: "backend_error", status: 502 });
  expect(setting.backend.calls).toHaveLength(1);
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
      setting.link.request(BODY, { body_bytes });
      await eventually(() => setting.link.closed !== undefined);
      expect(setting.link.closed).toBe(4422);
      expect(setting.backend.calls).toHaveLength(0);
    }
  });

  it("a stream that is open already closes the connection", async () => {
    await using setting = await startSetting(() => {});
    setting.link.request(BODY, { stream: 5 });
    setting.link.request(BODY, { stream: 5 });
    await eventually(() => setting.link.closed !== undefined);
    expect(setting.link.closed).toBe(4422);
  });

  it("a stream that has ended, or was refused, is not to be opened again", async () => {
    for (const options of [{}, { context_id: "gone" }]) {
      await using setting = await startSetting((call) => answer(call));
      await setting.link.request(BODY, { stream: 5, ...options }).end();
      for (const stream of [4, 6]) expect((await setting.link.request(BODY, { stream }).end()).type).toBe("complete");
      expect(setting.link.closed).toBeUndefined();
      setting.link.request(BODY, { stream: 5 });
      await eventually(() => setting.link.closed !== undefined);
      expect(setting.link.closed).toBe(4422);
      expect(setting.backend.calls).toHaveLength("context_id" in options ? 2 : 3);
    }
  });

  it("a request under an unknown context, or bound to another id, is refused without a word to the backend", async () => {
    await using setting = await startSetting((call) => answer(call));
    const sent = setting.link.request(BODY, { context_id: "old" });
    expect(await sent.end()).toMatchObject({ code: "decryption_failed", progress: "not_started" });
    const moved = setting.link.request(BODY, { request_id: "another" });
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
