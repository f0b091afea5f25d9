import { FakeClock } from "@hearth/platform/testing";
import type { ErrorFrame, ReceiptText } from "@hearth/protocol";
import { LIMITS } from "@hearth/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import type { ProviderStream, StreamListener } from "./provider-link.js";
import { type StreamControl, StreamTable } from "./stream-table.js";

const GRACE_MS = 30_000;
const USAGE = { prompt_tokens: 7, completion_tokens: 3 };
const RECEIPT: ReceiptText = { blob: "AAAA", batch: { blob: "AAAA", signature: "AA", index: 0, proof: [] } };

let clock: FakeClock;
let sent: StreamControl[];
let streams: StreamTable;
/** Everything that listeners have heard, in order. */
let heard: unknown[][];
beforeEach(() => {
  clock = new FakeClock();
  sent = [];
  heard = [];
  streams = new StreamTable(clock, (frame) => sent.push(frame));
});

function listener(name: string): StreamListener {
  return {
    working: (...told) => heard.push([name, "working", ...told]),
    data: ({ stream, seq }) => heard.push([name, "data", stream, seq]),
    complete(usage) {
      heard.push([name, "complete", usage]);
      return {
        came: (receipt) => heard.push([name, "came", receipt]),
        missed: () => heard.push([name, "missed"]),
      };
    },
    failed: ({ code }) => heard.push([name, "failed", code]),
    lost: () => heard.push([name, "lost"]),
    withdrawn() {},
    cancelConfirmed: (confirmed) => heard.push([name, "cancelConfirmed", confirmed]),
    usageBounds: () => ({ prompt: 100, completion: 50 }),
  };
}

const open = (name: string): ProviderStream => streams.open(listener(name));
/** Data comes on a stream. @returns whether anybody listens */
function data(stream: number): boolean {
  const listening = streams.listening(stream);
  listening?.data({ kind: "response", stream, seq: 0, final: false, holds: "content", ciphertext: new Uint8Array() });
  return listening !== undefined;
}
const error = (stream: number, changes: Partial<ErrorFrame> = {}): ErrorFrame => ({
  type: "error",
  stream,
  code: "cancelled",
  progress: "processed",
  ...changes,
});

describe("an open stream", () => {
  it("has the next number, and its listener hears what is said of it and nothing else", () => {
    expect(streams.next).toBe(1);
    open("a");
    open("b");
    expect(streams.next).toBe(3);
    expect(data(2)).toBe(true);
    expect(streams.working({ type: "working", stream: 1, sign: "queued", counter: 4 })).toBe(true);
    expect(streams.working({ type: "working", stream: 1, sign: "loading", counter: 5, scope: "server" })).toBe(true);
    expect(streams.failed(error(2, { code: "internal" }))).toBe(true);
    expect(streams.complete({ type: "complete", stream: 1, usage: USAGE })).toBe(true);
    expect(heard).toEqual([
      ["b", "data", 2, 0],
      ["a", "working", "queued", 4, "request"],
      ["a", "working", "loading", 5, "server"],
      ["b", "failed", "internal"],
      ["a", "complete", USAGE],
    ]);
    expect(streams.size).toBe(0);
  });

  it("is none before it was opened and after it has ended", () => {
    open("a");
    streams.failed(error(1));
    heard = [];
    for (const stream of [1, 2]) {
      expect(data(stream)).toBe(false);
      expect(streams.working({ type: "working", stream, sign: "queued", counter: 1 })).toBe(false);
      expect(streams.complete({ type: "complete", stream, usage: USAGE })).toBe(false);
      expect(streams.failed(error(stream))).toBe(false);
    }
    expect(heard).toEqual([]);
  });

  it("tells its provider of credit for as long as it is open", () => {
    const stream = open("a");
    stream.grant(10);
    streams.failed(error(1));
    stream.grant(20);
    stream.cancel("consumer_gone");
    expect(sent).toEqual([{ type: "credit", stream: 1, bytes: 10 }]);
    expect(clock.pending).toBe(0);
  });

  it("is one of so many: there is room again when one has ended or is cancelled", () => {
    const opened = Array.from({ length: LIMITS.streamsPerConnection }, () => open("a"));
    expect(streams.next).toBeUndefined();
    streams.failed(error(1));
    expect(streams.next).toBe(LIMITS.streamsPerConnection + 1);
    open("b");
    expect(streams.next).toBeUndefined();
    opened.at(-1)?.cancel("lost_race");
    expect(streams.next).toBe(LIMITS.streamsPerConnection + 2);
  });
});

describe("a cancelled stream", () => {
  it("tells its own listener how it ended and what was spent, and nothing but that", () => {
    for (const name of ["stopped", "done", "silent", "liar"]) open(name).cancel("lost_race");
    expect(sent[0]).toEqual({ type: "cancel", stream: 1, reason: "lost_race" });
    data(1);
    streams.working({ type: "working", stream: 1, sign: "generating", counter: 1 });
    streams.complete({ type: "complete", stream: 2, usage: USAGE });
    streams.failed(error(1, { usage: USAGE }));
    streams.failed(error(3));
    streams.failed(error(4, { usage: { prompt_tokens: 1_000, completion_tokens: 3 } }));
    const confirmed = (name: string, told: object) => [name, "cancelConfirmed", { clamped: [], ...told }];
    expect(heard).toEqual([
      confirmed("done", { ended: "complete", spent: USAGE }),
      confirmed("stopped", { ended: "error", spent: USAGE }),
      confirmed("silent", { ended: "error", spent: undefined }),
      confirmed("liar", { ended: "error", spent: { prompt_tokens: 100, completion_tokens: 3 }, clamped: ["prompt"] }),
    ]);
    expect(clock.pending).toBe(0);
  });

  it("may have cost what it could when it was cancelled, however late that is confirmed", () => {
    let completion = 50;
    const growing = { ...listener("a"), usageBounds: () => ({ prompt: 100, completion }) };
    streams.open(growing).cancel("lost_race");
    completion = 1_000;
    streams.failed(error(1, { usage: { prompt_tokens: 7, completion_tokens: 60 } }));
    expect(heard).toMatchObject([["a", "cancelConfirmed", { spent: { completion_tokens: 50 } }]]);
  });

  it("is confirmed once: what comes behind that is foreign", () => {
    open("a").cancel("lost_race");
    expect(streams.failed(error(1))).toBe(true);
    expect(streams.failed(error(1))).toBe(false);
    expect(data(1)).toBe(false);
    expect(heard).toHaveLength(1);
  });

  it("is tolerated for half a minute, and its listener hears nothing of what comes later", () => {
    open("a").cancel("lost_race");
    clock.advance(GRACE_MS - 1);
    expect(data(1)).toBe(true);
    clock.advance(1);
    expect(data(1)).toBe(false);
    expect(streams.failed(error(1, { usage: USAGE }))).toBe(false);
    expect(heard).toEqual([]);
  });

  it("keeps its listener only among the last that were cancelled, and is tolerated all the same", () => {
    for (let i = 0; i <= LIMITS.streamsPerConnection; i++) open(`${i}`).cancel("consumer_gone");
    expect(streams.failed(error(1))).toBe(true);
    expect(heard).toEqual([]);
    expect(streams.failed(error(2))).toBe(true);
    expect(heard).toMatchObject([["1", "cancelConfirmed", {}]]);
  });
});

describe("the receipt of a completed stream", () => {
  const receipt = (stream: number) => streams.receipt({ type: "receipt", stream, ...RECEIPT });

  it("goes to whoever its listener has named, once", () => {
    open("a");
    streams.complete({ type: "complete", stream: 1, usage: USAGE });
    expect(receipt(1)).toBe(true);
    expect(receipt(1)).toBe(false);
    expect(heard.slice(1)).toEqual([["a", "came", RECEIPT]]);
  });

  it("is awaited by nobody while its stream runs, or after that was cancelled", () => {
    open("a");
    open("b").cancel("lost_race");
    streams.complete({ type: "complete", stream: 2, usage: USAGE });
    expect([receipt(1), receipt(2), receipt(3)]).toEqual([false, false, false]);
  });
});

describe("the end of the connection", () => {
  it("hands out the listeners of open streams, gives up receipts and confirmations, and leaves no timer", () => {
    const running = open("running");
    open("cancelled").cancel("lost_race");
    open("completed");
    streams.complete({ type: "complete", stream: 3, usage: USAGE });
    const orphans = streams.end();
    for (const orphan of orphans) orphan.lost();
    expect(heard.slice(1)).toEqual([
      ["completed", "missed"],
      ["running", "lost"],
    ]);
    running.grant(1);
    running.cancel("consumer_gone");
    expect(sent).toHaveLength(1);
    expect(streams.size).toBe(0);
    expect(streams.end()).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});
