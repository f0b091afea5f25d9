import { FakeClock } from "@hearth/platform/testing";
import { expect, it } from "vitest";
import type { Chunk, Outcome } from "../dispatch/types.js";
import { HearthError } from "../platform/errors.js";
import type { Consumer, Reply } from "./consumer.js";
import { relay } from "./relay.js";

const CHUNK: Chunk = { dialect: "chat_completions", bytes: new Uint8Array(), parsed: {} };
const USAGE = { prompt_tokens: 1, completion_tokens: 1 };
const LATE: Outcome = { type: "failed", committed: false, error: new HearthError("provider_timeout", "Nobody.") };
const ANSWERED: Outcome = { type: "success", attempt: undefined as never, usage: USAGE };

/** A stream whose winner is there after a while, and one that is opened early. */
async function relayed({ beginsAfterMs, outcome }: { readonly beginsAfterMs: number; readonly outcome: Outcome }) {
  const clock = new FakeClock();
  const told: string[] = [];
  const reply: Reply = {
    open: () => void told.push(`open ${clock.now()}`),
    write: () => void told.push("write"),
    complete: () => void told.push("complete"),
    fail: (error) => void told.push(`fail ${error.code}`),
  };
  const consumer = { sendError: (error: HearthError) => void told.push(`error ${error.code}`) } as Consumer;
  const stream = (async function* () {
    await new Promise<void>((resolve) => void clock.setTimer(beginsAfterMs, resolve));
    if (outcome.type === "success") yield [CHUNK];
    return outcome;
  })();
  const over = relay(stream, reply, consumer, {
    settle() {},
    undigested: () => new HearthError("internal", "No."),
    opensEarly: (open) => clock.setTimer(5_000, open),
  });
  clock.advance(beginsAfterMs);
  await over;
  return { told, pending: clock.pending };
}

it("opens once, before the first content, when that takes long", async () => {
  const { told, pending } = await relayed({ beginsAfterMs: 20_000, outcome: ANSWERED });
  expect(told).toEqual(["open 5000", "write", "complete"]);
  expect(pending).toBe(0);
});

it("opens with the first content when that comes sooner", async () => {
  const { told, pending } = await relayed({ beginsAfterMs: 1_000, outcome: ANSWERED });
  expect(told).toEqual(["open 1000", "write", "complete"]);
  expect(pending).toBe(0);
});

it("tells a failure in-band where the stream is open, and by its status where it is not", async () => {
  expect((await relayed({ beginsAfterMs: 20_000, outcome: LATE })).told).toEqual([
    "open 5000",
    "fail provider_timeout",
  ]);
  expect((await relayed({ beginsAfterMs: 1_000, outcome: LATE })).told).toEqual(["error provider_timeout"]);
});
