import { expect, it } from "vitest";
import type { Chunk, Outcome } from "../dispatch/types.js";
import { HearthError } from "../platform/errors.js";
import type { Consumer, Reply } from "./consumer.js";
import { relay } from "./relay.js";

const CHUNK: Chunk = { dialect: "chat_completions", bytes: new Uint8Array(), parsed: {} };
const SUCCESS: Outcome = {
  type: "success",
  attempt: "att" as never,
  usage: { prompt_tokens: 1, completion_tokens: 1 },
};
const SPOILED = new HearthError("provider_error", "The provider sent something that it must not send.");

/** Relays two chunks to a reply of which one method throws. */
async function relayed(broken: Partial<Reply>, settle: (outcome: Outcome) => void | Promise<void> = () => {}) {
  const told: string[] = [];
  const settled: Outcome[] = [];
  const undigested: unknown[] = [];
  const reply: Reply = {
    open: () => void told.push("open"),
    write: () => void told.push("write"),
    complete: () => void told.push("complete"),
    fail: (error) => void told.push(`fail ${error.code}`),
    ...broken,
  };
  const consumer = { sendError: (error: HearthError) => void told.push(`error ${error.code}`) } as Consumer;
  const stream = (async function* () {
    yield [CHUNK];
    yield [CHUNK];
    return SUCCESS;
  })();
  const relaying = relay(stream, reply, consumer, {
    settle(outcome) {
      settled.push(outcome);
      return settle(outcome);
    },
    undigested(thrown) {
      undigested.push(thrown);
      return SPOILED;
    },
  });
  const refused: unknown = await relaying.then(
    () => undefined,
    (error: unknown) => error,
  );
  return { told, settled, undigested, refused };
}

const thrown = new RangeError("Maximum call stack size exceeded");
const fails = (): never => {
  throw thrown;
};

it("tells of a chunk that the reply cannot digest as the provider's fault, once, and of nothing after it", async () => {
  const { told, settled, undigested } = await relayed({ write: fails });
  expect(told).toEqual(["open", "fail provider_error"]);
  expect(settled).toMatchObject([{ type: "failed", committed: true, error: { code: "provider_error" } }]);
  expect(undigested).toEqual([thrown]);
});

it("tells of an end that the reply cannot write as a failure", async () => {
  const { told, undigested } = await relayed({ complete: fails });
  expect(told).toEqual(["open", "write", "write", "fail provider_error"]);
  expect(undigested).toEqual([thrown]);
});

it("blames no provider for a consumer who was cut off", async () => {
  const gone = (): never => {
    throw new HearthError("cancelled", "The consumer is gone.");
  };
  const { settled, undigested } = await relayed({ write: gone });
  expect(settled).toMatchObject([{ type: "cancelled" }]);
  expect(undigested).toEqual([]);
});

it("ends a stream that cannot be settled with an error, and tells why it could not", async () => {
  const broken = new Error("The books cannot be closed.");
  const { told, settled, refused } = await relayed({}, () => Promise.reject(broken));
  expect(told).toEqual(["open", "write", "write", "fail internal"]);
  expect(settled).toHaveLength(1);
  expect(refused).toBe(broken);
});
