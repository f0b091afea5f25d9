import { FakeClock } from "@hearth/platform/testing";
import { type DataFrame, encodeControl, encodeData, LIMITS } from "@hearth/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import { MessageReader } from "./message-reader.js";

const HEARTBEAT = Buffer.from(encodeControl({ type: "heartbeat", slots: [] }));
/** The only stream that somebody listens to. */
const OPEN = 7;
const UNKNOWN = Buffer.from('{"type":"weather"}');

let clock: FakeClock;
let reader: MessageReader;
/** What has come of the messages, in order. */
let heard: string[];
let thrown: unknown;
/** How many messages have come. */
let came: number;
beforeEach(() => {
  clock = new FakeClock();
  heard = [];
  thrown = undefined;
  const hear = (what: string): void => {
    heard.push(what);
    if (thrown !== undefined) throw thrown;
  };
  const listener = { data: ({ stream }: DataFrame) => hear(`data of ${stream}`), working() {} };
  const streams = { listening: (stream: number) => (stream === OPEN ? listener : undefined) };
  came = 0;
  reader = new MessageReader(clock, streams, {
    came: () => {
      came += 1;
    },
    control: ({ type }) => hear(type),
    unknownFrame: (frameType) => hear(`unknown ${frameType}`),
    overRate: (kind) => heard.push(`over rate: ${kind}`),
    malformed: () => heard.push("malformed"),
    undigested: (message, sizeBytes, cause) => {
      heard.push(`undigested ${message} of ${sizeBytes}${cause === thrown ? "" : ", another"}`);
    },
    broken: (reason) => heard.push(`broken: ${reason}`),
  });
});

const data = (kind: "request" | "response", stream = OPEN): Buffer => {
  const holds = kind === "request" ? "body" : "content";
  return Buffer.from(encodeData({ kind, stream, seq: 0, final: true, holds, ciphertext: new Uint8Array(32) }));
};

describe("a message", () => {
  it("is handed on by what it is", () => {
    reader.read(HEARTBEAT, false);
    reader.read(UNKNOWN, false);
    reader.read(data("response"), true);
    expect(heard).toEqual(["heartbeat", "unknown weather", "data of 7"]);
    expect(came).toBe(3);
  });

  it("that cannot be read, or that no provider sends, ends the connection", () => {
    reader.read(Buffer.from("{"), false);
    reader.read(Buffer.of(1, 2), true);
    reader.read(data("request"), true);
    reader.read(data("response", OPEN + 1), true);
    expect(heard).toEqual([
      "malformed",
      "broken: malformed_frame",
      "broken: malformed_frame",
      "broken: protocol_violation",
      "broken: protocol_violation",
    ]);
  });

  it("ends the connection when more of its kind come than may, and does not get through", () => {
    for (let n = 0; n < LIMITS.otherFramesPerMinute; n++) reader.read(UNKNOWN, false);
    heard = [];
    reader.read(UNKNOWN, false);
    reader.read(HEARTBEAT, false);
    expect(heard).toEqual(["over rate: other", "broken: rate_limited", "heartbeat"]);
    heard = [];
    for (let n = 0; n < LIMITS.heartbeatsPerMinute; n++) reader.read(HEARTBEAT, false);
    expect(heard.slice(-2)).toEqual(["over rate: heartbeat", "broken: rate_limited"]);
    clock.advance(60_000);
    heard = [];
    reader.read(HEARTBEAT, false);
    expect(heard).toEqual(["heartbeat"]);
  });

  it("over which our own code throws ends the connection, and nothing else", () => {
    thrown = new Error("ours");
    reader.read(HEARTBEAT, false);
    reader.read(data("response"), true);
    expect(heard).toEqual([
      "heartbeat",
      `undigested control of ${HEARTBEAT.length}`,
      "broken: internal_error",
      "data of 7",
      `undigested data of ${data("response").length}`,
      "broken: internal_error",
    ]);
  });
});
