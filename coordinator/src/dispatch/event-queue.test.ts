import { expect, it } from "vitest";
import { EventQueue } from "./event-queue.js";
import type { AttemptEvent } from "./types.js";

const USAGE = { prompt_tokens: 1, completion_tokens: 1 };
const END: AttemptEvent = { type: "end", usage: USAGE };
const content = (text: string): AttemptEvent => ({
  type: "content",
  chunks: [{ dialect: "chat_completions", bytes: Buffer.from(text), parsed: text }],
});
const sign = (counter: number, scope: "request" | "server" = "request"): AttemptEvent => ({
  type: "working",
  sign: "generating",
  counter,
  scope,
});

function setUp() {
  const taken: AttemptEvent[] = [];
  const queue = new EventQueue((event) => taken.push(event));
  const all = async (): Promise<AttemptEvent[]> => {
    const events: AttemptEvent[] = [];
    for (let next = await queue.next(); next.done !== true; next = await queue.next()) events.push(next.value);
    return events;
  };
  return { queue, taken, all };
}

it("gives events in their order, and tells of each when it is taken", async () => {
  const { queue, taken, all } = setUp();
  queue.push(content("a"));
  queue.push(content("b"));
  expect([queue.size, taken]).toEqual([2, []]);
  expect(await queue.next()).toEqual({ done: false, value: content("a") });
  expect(taken).toEqual([content("a")]);
  queue.push(END);
  queue.close();
  expect(await all()).toEqual([content("b"), END]);
});

it("gives an event at once to who waits for it", async () => {
  const { queue, taken } = setUp();
  const waiting = queue.next();
  queue.push(content("a"));
  expect([queue.size, taken]).toEqual([0, [content("a")]]);
  expect(await waiting).toEqual({ done: false, value: content("a") });
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
  const { queue, taken, all } = setUp();
  queue.push(content("a"));
  queue.discard();
  expect([await all(), taken]).toEqual([[], []]);
});
