import { DEFAULT_POLICY } from "@hearth/coordinator";
import type { Slot } from "@hearth/protocol";
import { afterEach, describe, expect, it } from "vitest";
import { TestAgent } from "../../../provider-agent/src/testing/test-agent.js";
import { readStream, until } from "../scripted/answers.js";
import { AttestingMachine } from "../scripted/attesting-machine.js";
import type { ScriptedProvider } from "../scripted/scripted-provider.js";
import { PROVIDER_TOKEN, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { startStubBackend } from "./stub-backend.js";

let hearth: TestCoordinator;
afterEach(() => hearth.stop());

const PATIENT = { ...DEFAULT_POLICY, ttftBaseMs: 20_000 };
const ask = { model: "m", stream: true, messages: [{ role: "user", content: "hi" }] };
const identity = Buffer.alloc(32, 7).toString("base64url");
const slot = (changes: Partial<Slot>): Slot => ({ model: "m", state: "running", running: 0, queued: 0, ...changes });

const registry = (): TestCoordinator["coordinator"]["registry"] => hearth.coordinator.registry;
const sendAway = (provider: ScriptedProvider): void =>
  registry()
    .link(provider.id as never)
    ?.goAway("test", 0);
const sessions = (): number => [...registry().sessions()].length;

describe("a machine that was sent away and is connected anew", () => {
  it("finishes on the old connection what runs there, and gets what is new on the new one", async () => {
    hearth = await startTestCoordinator({ policy: PATIENT });
    const old = await hearth.provider(() => {}, { identity });
    const running = hearth.chat(ask);
    await until("the request runs", () => old.streams.length === 1);
    old.streams[0]?.content("one ");
    const answer = readStream(await running);
    sendAway(old);
    await until("it is told", () => old.received.some(({ type }) => type === "go_away"));
    const fresh = await hearth.provider((s) => s.answer("new"), { identity });
    expect(fresh.id).toBe(old.id);
    expect(sessions()).toBe(2);
    expect(await readStream(await hearth.chat(ask))).toMatchObject({ content: "new", done: 1 });
    expect([old.streams.length, fresh.streams.length]).toEqual([1, 1]);
    old.streams[0]?.content("two");
    old.streams[0]?.finish();
    old.streams[0]?.end();
    expect(await answer).toMatchObject({ content: "one two", done: 1, errors: [], broken: false });
    old.terminate();
    await until("the old one is forgotten", () => sessions() === 1);
    expect(await readStream(await hearth.chat(ask))).toMatchObject({ content: "new", done: 1 });
  });

  it("has no more places than before: what runs on the old connection takes its share", async () => {
    hearth = await startTestCoordinator({ policy: PATIENT });
    const one = [slot({ max_concurrency: 1 })];
    const old = await hearth.provider(() => {}, { identity, slots: one });
    const running = hearth.chat(ask);
    await until("the request runs", () => old.streams.length === 1);
    sendAway(old);
    const busy = [slot({ running: 1, max_concurrency: 1 })];
    const fresh = await hearth.provider((s) => s.answer("new"), { identity, slots: busy });
    fresh.heartbeat(busy);
    const waiting = hearth.chat(ask);
    await until("the second waits", () => hearth.coordinator.queued() === 1);
    // The old one's word on its slots is out of date.
    await old.beat([slot({ running: 0, max_concurrency: 1 })]);
    expect(hearth.coordinator.queued()).toBe(1);
    old.streams[0]?.answer("old");
    expect(await readStream(await running)).toMatchObject({ content: "old", done: 1 });
    expect(await readStream(await waiting)).toMatchObject({ content: "new", done: 1 });
    expect(fresh.streams).toHaveLength(1);
  });

  it("counts what runs on the old connection once, although the new one's slots show it too", async () => {
    hearth = await startTestCoordinator({ policy: PATIENT });
    const old = await hearth.provider(() => {}, { identity, slots: [slot({ max_concurrency: 2 })] });
    const running = hearth.chat(ask);
    await until("the request runs", () => old.streams.length === 1);
    sendAway(old);
    const shown = [slot({ running: 1, max_concurrency: 2 })];
    const fresh = await hearth.provider((s) => s.answer("new"), { identity, slots: shown });
    expect(
      registry()
        .link(fresh.id as never)
        ?.load("m"),
    ).toBe(1);
    expect(await readStream(await hearth.chat(ask))).toMatchObject({ content: "new", done: 1 });
    old.streams[0]?.answer("old");
    await readStream(await running);
    expect(
      registry()
        .link(fresh.id as never)
        ?.load("m"),
    ).toBe(0);
  });

  it("proves itself on both", async () => {
    hearth = await startTestCoordinator({ policy: PATIENT });
    const machine = new AttestingMachine();
    const old = await hearth.provider(() => {}, { machine });
    sendAway(old);
    const fresh = await hearth.provider((s) => s.answer("new"), { machine });
    expect(sessions()).toBe(2);
    expect([...registry().sessions()].map(({ trust }) => trust)).toEqual(["self_attested", "self_attested"]);
    expect(fresh.id).toBe(old.id);
  });

  it("is not spared: what it does wrong on one connection ends both", async () => {
    hearth = await startTestCoordinator({ policy: PATIENT });
    const old = await hearth.provider(() => {}, { identity });
    const running = hearth.chat(ask);
    await until("the request runs", () => old.streams.length === 1);
    sendAway(old);
    const fresh = await hearth.provider(() => {}, { identity });
    old.streams[0]?.rawFrame(new Uint8Array(64), 0, false);
    expect((await old.closed).reason).toBe("untrusted");
    expect((await fresh.closed).reason).toBe("untrusted");
    expect((await running).status).toBeGreaterThanOrEqual(500);
  });
});

describe("a connection that was sent away", () => {
  it("is closed when its time is up, and what ran there is served elsewhere", async () => {
    hearth = await startTestCoordinator({ policy: PATIENT, config: { goAwayTimeoutMs: 50 } });
    const old = await hearth.provider(() => {}, { identity });
    const running = hearth.chat(ask);
    await until("the request runs", () => old.streams.length === 1);
    sendAway(old);
    await hearth.provider((s) => s.answer("other"));
    expect((await old.closed).reason).toBe("going_away");
    expect(await readStream(await running)).toMatchObject({ content: "other", done: 1 });
  });

  it("gets nothing new before its machine is back: the request waits", async () => {
    hearth = await startTestCoordinator({ policy: PATIENT });
    const old = await hearth.provider((s) => s.answer("old"), { identity });
    sendAway(old);
    const waiting = hearth.chat(ask);
    await until("the request waits", () => hearth.coordinator.queued() === 1);
    await hearth.provider((s) => s.answer("new"), { identity });
    expect(await readStream(await waiting)).toMatchObject({ content: "new" });
    expect(old.streams).toHaveLength(0);
  });
});

it("a machine that dials twice without having been sent away is replaced, as ever", async () => {
  hearth = await startTestCoordinator();
  const old = await hearth.provider(() => {}, { identity });
  await hearth.provider(() => {}, { identity });
  expect((await old.closed).reason).toBe("replaced");
  await until("one is left", () => sessions() === 1);
});

describe("a real agent", () => {
  it("that is sent away ends its stream whole on the old connection, and serves on the new one meanwhile", async () => {
    hearth = await startTestCoordinator({ policy: PATIENT });
    await using backend = await startStubBackend("m");
    const coordinators = [`${hearth.url.replace("http", "ws")}/ws/provider`];
    await using _agent = new TestAgent({
      coordinators,
      backend: backend.url,
      config: { tokenFor: () => PROVIDER_TOKEN },
    });
    await until("it is connected", () => registry().size === 1);
    const pending = hearth.chat(ask);
    await until("the request runs", () => backend.exchanges.length === 1);
    const [first] = backend.exchanges;
    first?.content("one ");
    const answer = readStream(await pending);
    const [old] = registry().connected();
    old?.goAway("test", 10);
    await until("both live", () => sessions() === 2);
    expect(registry().link(old?.id as never)).not.toBe(old);
    const second = hearth.chat(ask);
    await until("the second runs", () => backend.exchanges.length === 2);
    backend.exchanges[1]?.content("new");
    backend.exchanges[1]?.end();
    expect(await readStream(await second)).toMatchObject({ content: "new", done: 1, errors: [] });
    expect(old?.openStreams).toBe(1);
    first?.content("two");
    first?.end();
    expect(await answer).toMatchObject({ content: "one two", done: 1, errors: [], broken: false });
    await until("the old one is closed", () => sessions() === 1);
    expect(registry().size).toBe(1);
  }, 20_000);
});
