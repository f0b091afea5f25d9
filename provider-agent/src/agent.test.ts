import type { Clock } from "@hearth/platform";
import { describe, expect, it } from "vitest";
import { PauseFile } from "./availability/pause-file.js";
import { NEW_TOKEN_MS } from "./connection/reconciler.js";
import { systemClock } from "./platform/clock.js";
import { CountingClock } from "./testing/counting-clock.js";
import { eventually } from "./testing/eventually.js";
import { answer, answerJson, chunk, DONE, ScriptedBackend, startEvents } from "./testing/scripted-backend.js";
import { type AgentLink, ScriptedCoordinator, type SentRequest } from "./testing/scripted-coordinator.js";
import { startSetting, TestAgent } from "./testing/test-agent.js";

const BODY = { model: "m", messages: [], stream: true };

describe("a paused agent", () => {
  it("says so, finishes what runs, refuses what crosses on the wire, and comes back", async () => {
    let finish = (): void => {};
    await using setting = await startSetting((call) => {
      startEvents(call);
      finish = () => call.response.end(`${chunk({ content: "x" }, "stop")}${DONE}`);
    });
    const { link, agent, backend } = setting;
    const paused = (): unknown => link.frames.findLast((frame) => frame.type === "heartbeat")?.paused;
    const running = link.request(BODY);
    await eventually(() => backend.calls.length === 1);
    const pause = new PauseFile(agent.dataDir);
    pause.save({});
    await eventually(() => paused() === true, 8_000);
    expect(await link.request(BODY).end()).toMatchObject({ code: "capacity", progress: "not_started" });
    expect(backend.calls).toHaveLength(1);
    finish();
    expect((await running.end()).type).toBe("complete");
    pause.save(undefined);
    await eventually(() => paused() === false, 8_000);
    const served = link.request(BODY);
    await eventually(() => backend.calls.length === 2);
    finish();
    expect((await served.end()).type).toBe("complete");
  });
});

describe("an agent", () => {
  it("registers with what its backend serves, and beats", async () => {
    await using setting = await startSetting(undefined, { backend: { models: [{ id: "m", max_model_len: 4_096 }] } });
    const { link } = setting;
    expect(link.register).toMatchObject({
      token: "provider-token",
      agent: { name: "test", version: expect.stringMatching(/^\d+\.\d+\.\d+/) },
      models: [{ id: "m", context_length: 4_096 }],
      slots: [{ model: "m", state: "idle", running: 0 }],
    });
    await eventually(() => link.frames.some(({ type }) => type === "heartbeat"));
  });

  it("has more models than a register frame can carry, and tells them all", async () => {
    const models = Array.from({ length: 200 }, (_, i) => ({ id: `${i}-${"x".repeat(120)}` }));
    await using setting = await startSetting(undefined, { backend: { models } });
    const told = (): unknown => setting.link.frames.find(({ type }) => type === "models_update");
    await eventually(() => told() !== undefined);
    expect(told()).toMatchObject({ models: models.map(({ id }) => ({ id })) });
    expect(JSON.stringify(setting.link.register).length).toBeLessThan(60_000);
  });

  it("waits for a backend that is not there yet, and then serves", async () => {
    await using coordinator = await ScriptedCoordinator.start();
    const port = await (async () => {
      await using placeholder = await ScriptedBackend.start();
      return placeholder.port;
    })();
    const backendUrl = `http://127.0.0.1:${port}/v1`;
    await using _agent = new TestAgent({ coordinators: [coordinator.url], backend: backendUrl }, {});
    const link = await coordinator.agent();
    expect(link.register?.models).toEqual([]);
    await using _backend = await ScriptedBackend.start({}, port);
    await eventually(() => link.frames.some(({ type }) => type === "models_update"));
    expect((await link.request(BODY).end()).type).toBe("complete");
  });

  it("tells at once that its backend has gone, and what runs there", async () => {
    await using setting = await startSetting((call) => startEvents(call), {
      deps: { clock: new CountingClock(100) },
    });
    const sent = setting.link.request(BODY);
    const slots = (): unknown => setting.link.frames.findLast((frame) => frame.type === "heartbeat")?.slots;
    await eventually(() => JSON.stringify(slots())?.includes('"running":1') === true);
    await setting.backend[Symbol.asyncDispose]();
    await eventually(() => JSON.stringify(slots())?.includes('"crashed"') === true);
    expect(await sent.end()).toMatchObject({ code: "backend_error" });
  });

  it("finishes what runs before it stops, and says that it leaves", async () => {
    let finish = (): void => {};
    await using setting = await startSetting((call) => {
      startEvents(call);
      call.response.write(chunk({ content: "one" }));
      finish = () => call.response.end(chunk({ content: "two" }) + DONE);
    });
    const sent = setting.link.request(BODY);
    await sent.received("one");
    setting.agent.stop();
    await eventually(() => setting.link.frames.some(({ type }) => type === "drain"));
    finish();
    expect((await sent.end()).type).toBe("complete");
    expect(sent.text).toContain("two");
    await setting.agent.ended;
    expect(setting.link.closed).toBe(1000);
  });

  it("goes when the coordinator asks, and comes back", async () => {
    await using setting = await startSetting((call) => answer(call));
    setting.link.send({ type: "go_away", reason: "restart", reconnect_after_ms: 1 });
    const second = await setting.coordinator.agent(2);
    // The new connection may be there before the end of the old one has been read.
    await eventually(() => setting.link.closed !== undefined);
    expect(setting.link.closed).toBe(1000);
    expect(second.register?.identity).toBe(setting.link.register?.identity);
    expect((await second.request(BODY).end()).type).toBe("complete");
  });

  it("stops the backend's work when the coordinator is lost, and serves it again when it is back", async () => {
    await using setting = await startSetting((call) => {
      if (setting.backend.calls.length > 1) return answer(call);
      startEvents(call);
      call.response.write(chunk({ content: "one" }));
    });
    const sent = setting.link.request(BODY);
    await sent.received("one");
    const { port } = setting.coordinator;
    await setting.coordinator[Symbol.asyncDispose]();
    await eventually(() => setting.backend.calls[0]?.aborted === true);
    await using back = await ScriptedCoordinator.start({}, port);
    const link = await back.agent();
    expect((await link.request(BODY).end()).type).toBe("complete");
  });

  it("ends when the coordinator refuses its token, and when there is no common version", async () => {
    for (const [reason, code] of [
      ["unauthorized", "unauthorized"],
      ["version_unsupported", "version_unsupported"],
    ] as const) {
      await using coordinator = await ScriptedCoordinator.start({ registered: (link) => link.close(reason) });
      await using backend = await ScriptedBackend.start();
      await using agent = new TestAgent({ coordinators: [coordinator.url], backend: backend.url });
      await expect(agent.ended).rejects.toMatchObject({ code });
    }
  });

  it("goes on with the token of a new log-in when the old one is ended under it", async () => {
    await using coordinator = await ScriptedCoordinator.start();
    await using backend = await ScriptedBackend.start();
    let kept = "the-old-token-0123";
    const clock: Clock = {
      now: () => systemClock.now(),
      wallTime: () => systemClock.wallTime(),
      setTimer: (ms, fire) => systemClock.setTimer(ms === NEW_TOKEN_MS ? 0 : ms, fire),
    };
    const options = { coordinators: [coordinator.url], backend: backend.url, config: { tokenFor: () => kept } };
    await using _agent = new TestAgent(options, { clock });
    const first = await coordinator.agent();
    expect(first.register?.token).toBe("the-old-token-0123");
    // The coordinator ends the old token before the new one is on the disk.
    first.close("unauthorized");
    kept = "the-new-token-0123";
    const second = await coordinator.agent(2);
    expect(second.register?.token).toBe("the-new-token-0123");
    expect((await second.request(BODY).end()).type).toBe("complete");
  });

  it("goes to another coordinator when the first cannot be reached, and when the one it has goes away", async () => {
    await using gone = await ScriptedCoordinator.start();
    const goneUrl = gone.url;
    await gone[Symbol.asyncDispose]();
    await using second = await ScriptedCoordinator.start();
    await using third = await ScriptedCoordinator.start();
    let finish = (): void => {};
    await using backend = await ScriptedBackend.start({
      script: (call) => {
        if (backend.calls.length > 1) return answer(call);
        startEvents(call);
        call.response.write(chunk({ content: "one" }));
        finish = () => call.response.end(DONE);
      },
    });
    const coordinators = [goneUrl, second.url, third.url];
    await using _agent = new TestAgent({ coordinators, backend: backend.url });
    const old = await second.agent();
    const running = old.request(BODY);
    await running.received("one");
    old.send({ type: "go_away", reason: "restart", reconnect_after_ms: 60_000 });
    const fresh = await third.agent();
    expect((await fresh.request(BODY).end()).type).toBe("complete");
    expect(running.ending).toBeUndefined();
    finish();
    expect((await running.end()).type).toBe("complete");
    await eventually(() => old.closed === 1000);
    expect(old.frames.some(({ type }) => type === "drain")).toBe(true);
    expect(fresh.closed).toBeUndefined();
  });

  it("leaves no socket, timer or job behind in 200 reconnects to a coordinator that flaps in every phase", async () => {
    const clock = new CountingClock();
    await using setting = await startSetting((call) => startEvents(call), { deps: { clock } });
    const { coordinator, backend } = setting;
    await eventually(() => setting.link.frames.length > 0);
    const calm = { timers: clock.pending, handles: process.getActiveResourcesInfo().length };
    const drop = (link: AgentLink, i: number): void =>
      i % 2 === 0 ? link.socket.terminate() : link.close("going_away");
    const busy: SentRequest[] = [];
    // In turn: at once, instead of the registration, right behind it, in the middle of a request or of a departure.
    coordinator.script = {
      connected: (link) => {
        const i = coordinator.links.indexOf(link);
        if (i <= 200 && i % 4 === 0) drop(link, i);
      },
      registered: (link) => {
        const i = coordinator.links.indexOf(link);
        if (i <= 200 && i % 4 === 1) return drop(link, i);
        coordinator.letIn(link);
        if (i <= 200 && i % 4 === 2) return drop(link, i);
        if (i > 200) return;
        busy.push(link.request(BODY));
        if (i % 3 === 0) link.send({ type: "go_away", reason: "restart", reconnect_after_ms: 0 });
        void eventually(() => link.frames.length > 0 || link.closed !== undefined).then(() => drop(link, i));
      },
    };
    setting.link.socket.terminate();
    await eventually(() => coordinator.links.length > 201, 40_000, "200 reconnects");
    await eventually(
      () => coordinator.links.at(-1)?.register !== undefined && coordinator.links.at(-1)?.closed === undefined,
    );
    await eventually(() => coordinator.links.at(-1)?.frames.some(({ type }) => type === "heartbeat") === true);
    const link = coordinator.links.at(-1) as AgentLink;
    expect(busy.length).toBeGreaterThan(20);
    expect(backend.calls.length).toBeGreaterThan(0);
    await eventually(() => coordinator.links.filter(({ closed }) => closed === undefined).length === 1);
    await eventually(() => backend.sockets.size <= 1, undefined, "the backend's sockets to close");
    // A short timer of the beginning may have been among those that were counted before.
    await eventually(() => clock.pending <= calm.timers, undefined, "the timers to be no more than before");
    await eventually(() => process.getActiveResourcesInfo().length <= calm.handles + 2, undefined, "handles");
    backend.script = (call) => answerJson(call, 400, {});
    expect((await link.request(BODY).end()).type).toBe("error");
    const slots = (): unknown => link.frames.findLast((frame) => frame.type === "heartbeat")?.slots;
    expect(slots()).toMatchObject([{ running: 0, queued: 0 }]);
  }, 60_000);
});
