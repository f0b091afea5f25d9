import { setTimeout as delay } from "node:timers/promises";
import { repeat } from "@hearth/platform";
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
  CHAT_BODY,
  chunk,
  DONE,
  startEvents,
} from "../testing/scripted-backend.js";
import { startSetting } from "../testing/test-agent.js";

describe("a backend that is slow", () => {
  // A hundred times as fast: 45 s pass in 450 ms.
  const quick = { deps: { clock: new CountingClock(100) } };

  it("in giving headers is said to be nothing: silence is no sign of anything", async () => {
    let call: BackendCall | undefined;
    await using setting = await startSetting((each) => {
      call = each;
    }, quick);
    using _pings = repeat(systemClock, 50, () => setting.link.socket.ping());
    const sent = setting.link.request(CHAT_BODY);
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
    expect(await setting.link.request(CHAT_BODY).end()).toMatchObject({ code: "backend_stalled", status: 504 });
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
    const sent = setting.link.request(CHAT_BODY);
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
    const sent = setting.link.request(CHAT_BODY);
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
    const sent = setting.link.request(CHAT_BODY);
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
    expect((await setting.link.request(CHAT_BODY).end()).type).toBe("complete");
    await eventually(() => setting.backend.calls[0]?.aborted === true);
  });
});

describe("a backend that loads its model", () => {
  it("is asked again, and the coordinator told that it loads", async () => {
    await using setting = await startSetting((call) => {
      if (setting.backend.calls.length > 2) return answer(call);
      answerJson(call, 503, { error: { code: 503, message: "Loading model", type: "unavailable_error" } });
    });
    const sent = setting.link.request(CHAT_BODY);
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
  expect(await setting.link.request(CHAT_BODY).end()).toMatchObject({
    type: "error",
    code: "backend_error",
    status: 502,
  });
  expect(setting.backend.calls).toHaveLength(1);
});
