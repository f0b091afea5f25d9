import { repeat } from "@hearth/platform";
import { DATA_HEADER_BYTES, writeDataHeader } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import { systemClock } from "../platform/clock.js";
import { CountingClock } from "../testing/counting-clock.js";
import { eventually } from "../testing/eventually.js";
import { answer, chunk, DONE, startEvents } from "../testing/scripted-backend.js";
import type { AgentLink } from "../testing/scripted-coordinator.js";
import { startSetting } from "../testing/test-agent.js";

const BODY = { model: "m", messages: [], stream: true };
const NOTHING_SPENT = { prompt_tokens: 0, completion_tokens: 0 };
const UNTOUCHED = { type: "error", code: "capacity", progress: "not_started", usage: NOTHING_SPENT };
const NO_LIMITS = { maxConcurrency: undefined, perModel: {}, maxWaitSeconds: 10, memoryPercent: undefined };

/** Sends a part of a body that opens under no key. */
function sendBody(link: AgentLink, stream: number): void {
  const frame = Buffer.alloc(DATA_HEADER_BYTES + 64);
  writeDataHeader(frame, { kind: "request", stream, seq: 0, final: true, holds: "body" });
  link.socket.send(frame);
}

describe("a request that comes too late", () => {
  it("behind a go_away is refused untouched, and what runs is finished", async () => {
    let finish = (): void => {};
    await using setting = await startSetting((call) => {
      startEvents(call);
      call.response.write(chunk({ content: "one" }));
      finish = () => call.response.end(DONE);
    });
    const { link } = setting;
    const running = link.request(BODY);
    await running.received("one");
    link.send({ type: "go_away", reason: "restart", reconnect_after_ms: 60_000 });
    expect(await link.request(BODY).end()).toMatchObject(UNTOUCHED);
    finish();
    expect((await running.end()).type).toBe("complete");
    await eventually(() => link.closed === 1000);
    expect(setting.backend.calls).toHaveLength(1);
  });

  it("while the agent's drain is on the wire is refused untouched, however the two cross", async () => {
    await using setting = await startSetting((call) => answer(call));
    const { link } = setting;
    expect((await link.request(BODY).end()).type).toBe("complete");
    // The coordinator hears nothing for now: all that it sends crosses with the drain.
    link.socket.pause();
    setting.agent.stop();
    const late = Array.from({ length: 20 }, () => link.request(BODY));
    link.socket.resume();
    for (const sent of late) expect(await sent.end()).toMatchObject(UNTOUCHED);
    await setting.agent.ended;
    expect(link.closed).toBe(1000);
    expect(link.frames.some(({ type }) => type === "drain")).toBe(true);
    expect(setting.backend.calls).toHaveLength(1);
  });
});

describe("a body", () => {
  it("for a stream that was never opened closes the connection", async () => {
    await using setting = await startSetting(undefined);
    sendBody(setting.link, 7);
    await eventually(() => setting.link.closed !== undefined);
    expect(setting.link.closed).toBe(4422);
  });

  it("for a stream that has ended, or was refused, is overlooked", async () => {
    await using setting = await startSetting((call) => answer(call));
    const { link } = setting;
    const [served, refused] = [link.request(BODY), link.request(BODY, { context_id: "gone" })];
    await Promise.all([served.end(), refused.end()]);
    sendBody(link, served.stream);
    sendBody(link, refused.stream);
    expect((await link.request(BODY).end()).type).toBe("complete");
    expect(link.closed).toBeUndefined();
  });
});

describe("a bound on concurrency", () => {
  it("keeps requests waiting in order, tells the coordinator, and gives a cancelled one's place to the next", async () => {
    const release: (() => void)[] = [];
    await using setting = await startSetting(
      (call) => {
        startEvents(call);
        call.response.write(chunk({ content: call.body }));
        release.push(() => call.response.end(DONE));
      },
      {
        config: { limits: { ...NO_LIMITS, perModel: { m: 1 }, maxWaitSeconds: 600 } },
        deps: { clock: new CountingClock(10) },
      },
    );
    const { link, backend } = setting;
    const [first, second, third] = ["a", "b", "c"].map((tag) => link.request({ ...BODY, tag }));
    await eventually(() => release.length === 1);
    const slots = (): unknown => link.frames.findLast((frame) => frame.type === "heartbeat")?.slots;
    await eventually(() => JSON.stringify(slots())?.includes('"queued":2') === true, 8_000, "queued in a heartbeat");
    second?.cancel();
    expect(await second?.end()).toMatchObject({ code: "cancelled", progress: "not_started" });
    release[0]?.();
    expect((await first?.end())?.type).toBe("complete");
    await eventually(() => release.length === 2);
    release[1]?.();
    expect((await third?.end())?.type).toBe("complete");
    expect(backend.calls.map(({ body }) => JSON.parse(body).tag)).toEqual(["a", "c"]);
  });

  it("refuses untouched what has waited for too long", async () => {
    await using setting = await startSetting((call) => startEvents(call), {
      config: { limits: { ...NO_LIMITS, maxConcurrency: 1, maxWaitSeconds: 1 } },
      deps: { clock: new CountingClock(10) },
    });
    const first = setting.link.request(BODY);
    await eventually(() => setting.backend.calls.length === 1);
    expect(await setting.link.request(BODY).end()).toMatchObject(UNTOUCHED);
    expect(first.ending).toBeUndefined();
    expect(setting.backend.calls).toHaveLength(1);
  });
});

describe("a backend that sends headers and then reads the prompt", () => {
  it("is not called stalled before it has had its time", async () => {
    let finish = (): void => {};
    await using setting = await startSetting(
      (call) => {
        startEvents(call);
        finish = () => call.response.end(`${chunk({ content: "x" })}data: [DONE]`);
      },
      { deps: { clock: new CountingClock(100) } },
    );
    // The connection has a watch on silence of its own, which is to see the coordinator alive.
    using _pings = repeat(systemClock, 50, () => setting.link.socket.ping());
    const sent = setting.link.request(BODY);
    const startedAt = systemClock.now();
    // Twice the time after which silence within an answer counts as a stall.
    await eventually(() => systemClock.now() - startedAt > 900);
    finish();
    expect((await sent.end()).type).toBe("complete");
    expect(sent.control.map(({ type }) => type)).toEqual(["complete"]);
    expect(sent.text).toBe(`${chunk({ content: "x" })}${DONE}`);
  });
});
