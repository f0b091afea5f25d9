import { FakeClock } from "@hearth/platform/testing";
import type { ProviderId } from "@hearth/protocol";
import { expect, it } from "vitest";
import { HearthError } from "../platform/errors.js";
import { fakeTraits } from "../testing/fake-provider.js";
import { fakePicked } from "../testing/request-fakes.js";
import type { Picked, PickResult } from "./pick-result.js";
import type { Picker } from "./picker.js";
import { DEFAULT_SELECTION } from "./settings.js";
import { NO_ATTEMPTS, type Traits } from "./traits.js";
import { type Priority, retryAfterSeconds, WaitQueue, type WaitRequest } from "./wait-queue.js";

const QUEUE = DEFAULT_SELECTION.queue;

const picked: Picked = fakePicked({
  ...{ provider: "p" as ProviderId, probe: false, report() {}, judge() {} },
  [Symbol.dispose]() {},
});

it("tells who waits for what, and for how long", async () => {
  const { clock, queue } = setUp();
  const left = new AbortController();
  const waits = ["m", "m", "n"].map((model) => {
    clock.advance(100);
    return queue.wait({ traits: fakeTraits({ model }), history: NO_ATTEMPTS, priority: "fresh" }, left.signal);
  });
  expect(queue.waiting()).toEqual([
    { model: "m", waiting: 2, limit: QUEUE.perModel, oldestMs: 200 },
    { model: "n", waiting: 1, limit: QUEUE.perModel, oldestMs: 0 },
  ]);
  left.abort();
  await Promise.all(waits);
  expect(queue.waiting()).toEqual([]);
});

function setUp() {
  const clock = new FakeClock();
  const room = {
    asked: 0,
    leased: 0,
    answer: undefined as PickResult | undefined,
    only: undefined as string | undefined,
    taken: () => {},
  };
  const picker: Picker = {
    slots: () => ({ used: 0, all: 0 }),
    pick({ traits }) {
      room.asked += 1;
      if (room.answer !== undefined) return room.answer;
      if (room.leased === 0 || (room.only !== undefined && traits.shape !== room.only)) return { type: "queue" };
      room.leased -= 1;
      room.taken();
      return picked;
    },
  };
  const waits: number[] = [];
  const queue = new WaitQueue(picker, clock, { depth: () => {}, waited: (ms) => waits.push(ms) });
  const served: string[] = [];
  const wait = (
    name: string,
    priority: Priority = "fresh",
    traits: Partial<Traits> = {},
    more: Partial<WaitRequest> = {},
  ) => {
    const gone = new AbortController();
    const result = queue.wait({ traits: fakeTraits(traits), history: NO_ATTEMPTS, priority, ...more }, gone.signal);
    const done = result.then((got) => {
      served.push(`${name}:${got.type === "picked" ? "served" : got.error.code}`);
      return got;
    });
    return { gone, done };
  };
  return { clock, queue, room, waits, served, wait };
}

it("serves first in, first out within a priority, failovers before fresh requests", async () => {
  const { queue, room, served, wait } = setUp();
  const all = [wait("a"), wait("b"), wait("c", "failover"), wait("d", "failover")];
  for (let i = 0; i < 4; i++) {
    room.leased = 1;
    queue.drain();
  }
  await Promise.all(all.map((each) => each.done));
  expect(served).toEqual(["c:served", "d:served", "a:served", "b:served"]);
  expect(queue.total).toBe(0);
});

it("does not let a waiter whom nobody can serve stop those behind it", async () => {
  const { queue, room, served, wait } = setUp();
  const blocked = wait("blocked", "fresh", { shape: "vision" });
  const behind = wait("behind");
  room.leased = 1;
  room.only = "base";
  queue.drain();
  await behind.done;
  expect(served).toEqual(["behind:served"]);
  expect(queue.total).toBe(1);
  blocked.gone.abort();
  await blocked.done;
});

it("is bounded per model", async () => {
  const { queue, wait } = setUp();
  const waiting = Array.from({ length: QUEUE.perModel }, (_, i) => wait(`${i}`));
  const refused = await wait("one more").done;
  expect(refused).toMatchObject({ type: "unavailable", error: { code: "queue_full" } });
  expect(refused.type === "unavailable" && refused.error.details.retryAfterSeconds).toBe(30);
  const other = wait("another model", "fresh", { model: "other" });
  expect(queue.depth("other")).toBe(1);
  for (const each of [...waiting, other]) each.gone.abort();
  await Promise.all(waiting.map((each) => each.done));
  expect(queue.total).toBe(0);
});

it("loses patience after 120 s: no_capacity, or machine_busy for a request to one's own machine", async () => {
  const { clock, queue, waits, wait } = setUp();
  const [any, own] = [wait("any"), wait("own", "fresh", { route: "self" })];
  clock.advance(QUEUE.patienceMs - 1);
  expect(queue.total).toBe(2);
  clock.advance(1);
  expect(await any.done).toMatchObject({ error: { code: "no_capacity", message: expect.stringContaining("free") } });
  expect(await own.done).toMatchObject({ error: { code: "machine_busy" } });
  expect(waits).toEqual([QUEUE.patienceMs, QUEUE.patienceMs]);
  expect(clock.pending).toBe(0);
});

it("forgets a consumer who hung up, before or while it waits", async () => {
  const { clock, queue, room, wait } = setUp();
  const { gone, done } = wait("a");
  gone.abort();
  expect(await done).toMatchObject({ type: "unavailable", error: { code: "cancelled" } });
  const aborted = new AbortController();
  aborted.abort();
  const early = await queue.wait({ traits: fakeTraits(), history: NO_ATTEMPTS, priority: "fresh" }, aborted.signal);
  expect(early).toMatchObject({ error: { code: "cancelled" } });
  room.leased = 1;
  queue.drain();
  expect(room.leased).toBe(1);
  expect(clock.pending).toBe(0);
});

it("tells at once when waiting has become pointless", async () => {
  const { queue, room, wait } = setUp();
  const { done } = wait("a");
  room.answer = { type: "unavailable", error: new HearthError("providers_cooling", "") };
  queue.drain();
  expect(await done).toMatchObject({ error: { code: "providers_cooling" } });
});

it("asks to come back after 3 s for each who waits, within 2 to 30 s", () => {
  expect([0, 1, 4, 10, 64].map((depth) => retryAfterSeconds(depth, QUEUE))).toEqual([2, 3, 12, 30, 30]);
});

it("serves a waiter when time alone has made room, without any event", async () => {
  const { clock, queue, room, wait } = setUp();
  const { done } = wait("a");
  room.leased = 1;
  clock.advance(QUEUE.recheckMs);
  expect((await done).type).toBe("picked");
  expect(queue.total).toBe(0);
  expect(clock.pending).toBe(0);
});

it("goes on after a drain that failed", async () => {
  const { queue, room, wait } = setUp();
  const { done } = wait("a");
  Object.defineProperty(room, "answer", {
    configurable: true,
    get: () => {
      throw new Error("once");
    },
  });
  expect(() => queue.drain()).toThrow("once");
  Object.defineProperty(room, "answer", { value: undefined });
  room.leased = 1;
  queue.drain();
  expect((await done).type).toBe("picked");
});

it("tells those who wait at a shutdown to come back", async () => {
  const { gone, done } = setUp().wait("a");
  gone.abort("shutdown");
  expect(await done).toMatchObject({ type: "unavailable", error: { code: "shutting_down" } });
});

it("asks once for all who want at least as much, and for everybody now and then", async () => {
  const { clock, queue, room, wait } = setUp();
  const all = [wait("a"), wait("b"), wait("larger", "fresh", { promptTokens: 999 })];
  wait("smaller", "fresh", { promptTokens: 1 });
  wait("other shape", "fresh", { shape: "tools" });
  queue.drain();
  expect(room.asked).toBe(3);
  clock.advance(QUEUE.recheckMs);
  expect(room.asked).toBe(3 + 5);
  room.leased = 5;
  queue.drain();
  await Promise.all(all.map((each) => each.done));
  expect(queue.total).toBe(0);
});

it("looks only at those who wait for a model that somebody may have room for", async () => {
  const { queue, room, served, wait } = setUp();
  const all = [wait("a"), wait("b", "fresh", { model: "other" })];
  queue.drain(["nobody's"]);
  expect(room.asked).toBe(0);
  queue.drain(["other"]);
  expect(room.asked).toBe(1);
  room.leased = 2;
  queue.drain(["other"]);
  await all[1]?.done;
  expect(served).toEqual(["b:served"]);
  queue.drain();
  await all[0]?.done;
  expect(served).toEqual(["b:served", "a:served"]);
});

it("looks at those of another model as well whom taking a place has given room", async () => {
  const { queue, room, wait } = setUp();
  const all = [wait("a"), wait("b", "fresh", { model: "other" })];
  room.leased = 2;
  room.taken = () => queue.drain(["other"]);
  queue.drain([fakeTraits().model]);
  await Promise.all(all.map(({ done }) => done));
  expect(queue.total).toBe(0);
});

it("says memory where that is what everybody lacked", async () => {
  const { clock, queue, room, wait } = setUp();
  const { done } = wait("a");
  room.answer = { type: "queue", lacking: "memory" };
  queue.drain();
  clock.advance(QUEUE.patienceMs);
  expect(await done).toMatchObject({ error: { code: "no_capacity", message: expect.stringContaining("memory") } });
});

it("waits until the request's own time is up: a fresh one no longer than anybody may, a failover for as long", async () => {
  const { clock, queue, wait } = setUp();
  const short = wait("short", "fresh", {}, { until: 5_000 });
  const fresh = wait("fresh", "fresh", {}, { until: 600_000 });
  const failover = wait("failover", "failover", {}, { until: 600_000 });
  clock.advance(5_000);
  expect((await short.done).type).toBe("unavailable");
  clock.advance(QUEUE.patienceMs - 5_000);
  expect((await fresh.done).type).toBe("unavailable");
  expect(queue.total).toBe(1);
  clock.advance(600_000 - QUEUE.patienceMs - 1);
  expect(queue.total).toBe(1);
  clock.advance(1);
  expect((await failover.done).type).toBe("unavailable");
});

it("settles a waiter whom nobody can serve in time any longer", async () => {
  const { clock, wait } = setUp();
  const { done } = wait("a", "failover", {}, { until: 9_000, expectedBefore: 4_000 });
  clock.advance(4_000);
  expect(await done).toMatchObject({ type: "unavailable", error: { code: "no_capacity" } });
  expect(clock.pending).toBe(0);
});

it("takes its numbers from the settings of the moment", async () => {
  const clock = new FakeClock();
  let settings = { ...QUEUE, perModel: 0 };
  const picker: Picker = { pick: () => ({ type: "queue" }), slots: () => ({ used: 0, all: 0 }) };
  const queue = new WaitQueue(picker, clock, { depth() {}, waited() {} }, () => settings);
  const ask = () =>
    queue.wait({ traits: fakeTraits(), history: NO_ATTEMPTS, priority: "fresh" }, new AbortController().signal);
  expect(await ask()).toMatchObject({ error: { code: "queue_full" } });
  settings = { ...QUEUE, patienceMs: 1_000 };
  const waiting = ask();
  clock.advance(1_000);
  expect(await waiting).toMatchObject({ error: { code: "no_capacity" } });
});
