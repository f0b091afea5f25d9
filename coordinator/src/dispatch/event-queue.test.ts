import { LIMITS } from "@hearth/protocol";
import { expect, it } from "vitest";
import { EventQueue } from "./event-queue.js";
import type { AttemptEvent } from "./types.js";

const USAGE = { prompt_tokens: 1, completion_tokens: 1 };
const END: AttemptEvent = { type: "end", usage: USAGE };
const content = (text: string): AttemptEvent => ({
  type: "content",
  chunks: [{ dialect: "chat_completions", bytes: Buffer.from(text), parsed: text }],
});
const HALF_A_WINDOW = content("x".repeat(LIMITS.initialCreditBytes / 2));
const sign = (counter: number, scope: "request" | "server" = "request"): AttemptEvent => ({
  type: "working",
  sign: "generating",
  counter,
  scope,
});

function setUp() {
  const granted: number[] = [];
  const held = { bytes: 0 };
  const queue = new EventQueue({ grant: (bytes) => granted.push(bytes), heldBytes: () => held.bytes });
  const all = async (): Promise<AttemptEvent[]> => {
    const events: AttemptEvent[] = [];
    for (let next = await queue.next(); next.done !== true; next = await queue.next()) events.push(next.value);
    return events;
  };
  return { queue, granted, held, all };
}

it("gives events in their order, and grants back what is taken, half a window at a time", async () => {
  const { queue, granted, all } = setUp();
  queue.push(HALF_A_WINDOW);
  queue.push(content("b"));
  expect([queue.size, granted]).toEqual([2, []]);
  expect(await queue.next()).toEqual({ done: false, value: HALF_A_WINDOW });
  expect(granted).toEqual([LIMITS.initialCreditBytes / 2]);
  queue.push(END);
  queue.close();
  expect(await all()).toEqual([content("b"), END]);
});

it("gives an event at once to who waits for it", async () => {
  const { queue, granted } = setUp();
  const waiting = queue.next();
  queue.push(HALF_A_WINDOW);
  expect([queue.size, granted]).toEqual([0, [LIMITS.initialCreditBytes / 2]]);
  expect(await waiting).toEqual({ done: false, value: HALF_A_WINDOW });
});

it("grants in advance what is held of an event, once, and only while nothing waits to be taken", async () => {
  const { queue, granted, held } = setUp();
  held.bytes = LIMITS.initialCreditBytes;
  queue.push(content("a"));
  queue.advance();
  expect(granted).toEqual([]);
  await queue.next();
  queue.advance();
  expect(granted).toEqual([LIMITS.initialCreditBytes + 1]);
  held.bytes = 0;
  queue.push(HALF_A_WINDOW);
  queue.push(HALF_A_WINDOW);
  await queue.next();
  await queue.next();
  expect(granted).toHaveLength(1);
});

it("allows a provider one frame beyond its credit", () => {
  const { queue } = setUp();
  expect(queue.received(LIMITS.initialCreditBytes + LIMITS.frameBytes)).toBe(true);
  expect(queue.received(1)).toBe(false);
});

it("keeps the newest of signs in a row, by whose they are, and those before content", async () => {
  const { queue, all } = setUp();
  queue.push(sign(1));
  queue.push(content("a"));
  for (let i = 2; i < 500; i++) {
    queue.push(sign(i));
    queue.push(sign(i, "server"));
  }
  queue.close();
  expect(await all()).toEqual([sign(1), content("a"), sign(499), sign(499, "server")]);
});

it("ends the wait of its consumer when nothing more comes", async () => {
  const { queue } = setUp();
  const waiting = queue.next();
  queue.close();
  expect(await waiting).toEqual({ done: true, value: undefined });
  queue.push(END);
  expect(queue.size).toBe(0);
});

it("shows nobody what was discarded", async () => {
  const { queue, granted, all } = setUp();
  queue.push(HALF_A_WINDOW);
  queue.discard();
  expect([await all(), granted]).toEqual([[], []]);
});
