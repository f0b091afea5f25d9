import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { Rounds } from "@hearth/platform";
import { FakeClock } from "@hearth/platform/testing";
import { encodeData } from "@hearth/protocol";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import type { SealedRequest, StreamListener } from "../fleet/provider-link.js";
import { AskedStream } from "./asked-stream.js";
import { encodeNodeFrame, type OpenPayload } from "./node-frames.js";
import { NodeLink } from "./node-link.js";
import type { Admission } from "./relayed-stream.js";

const OPEN: OpenPayload = {
  ...{ provider: "prv_1", epoch: 1, fence: 1, remaining_ms: 1_000, tokens: 10 },
  context: { context_id: "c", key_id: "k", encapsulated_key: Buffer.alloc(32).toString("base64url") },
  opening: {
    ...{ request_id: "r", attempt_id: "a", model: "m", dialect: "chat_completions" as const },
    ...{ delivery: "interactive" as const, context_id: "c", body_bytes: 4 },
  },
};
const part = (final: boolean): Uint8Array =>
  encodeData({ kind: "request", stream: 1, seq: 0, final, holds: "body", ciphertext: Buffer.from("body") });

let clock: FakeClock;
let server: WebSocketServer;
let asks: NodeLink;
let has: NodeLink;
/** The sockets of the two, to say what no link says. */
let ends: readonly [WebSocket, WebSocket];
let ended: string[];
/** What the machine of the one that has it is asked, and who listens to it. */
let sent: { readonly request: SealedRequest; readonly listener: StreamListener; cancelled?: string }[];
let freed: number;
let admission: () => Admission;

beforeEach(async () => {
  clock = new FakeClock();
  [ended, sent, freed] = [[], [], 0];
  admission = () => ({
    type: "admitted",
    machine: {
      proven: undefined,
      openStream(request, listener) {
        const stream: (typeof sent)[number] = { request, listener };
        sent.push(stream);
        return {
          grant() {},
          cancel(reason) {
            stream.cancelled = reason;
          },
        };
      },
    },
    slot: {
      [Symbol.dispose]() {
        freed += 1;
      },
    },
  });
  // The end of the last test's connections is none of this one's.
  const told = ended;
  server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  const near = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const [[far]] = (await Promise.all([once(server, "connection"), once(near, "open")])) as [[WebSocket], unknown];
  const linkOf = (socket: WebSocket, id: string, dialled: boolean): NodeLink =>
    new NodeLink(
      { socket, cork() {}, peer: { id, epoch: 1, version: 1 }, dialled },
      {
        clock,
        rounds: new Rounds(clock, 5_000),
        admit: () => admission(),
        hooks: { closed: (_link, reason, problem) => told.push(`${id} ${reason} ${problem ?? ""}`), disconnect() {} },
      },
    );
  ends = [near, far];
  asks = linkOf(near, "has", true);
  has = linkOf(far, "asks", false);
});
afterEach(() => {
  for (const end of ends) end.terminate();
  server.close();
});

interface Heard extends StreamListener {
  readonly heard: string[];
}

function listener(): Heard {
  const heard: string[] = [];
  return {
    heard,
    working: (sign) => heard.push(`working ${sign}`),
    data: ({ ciphertext }) => heard.push(`data ${Buffer.from(ciphertext).toString()}`),
    complete: () => void heard.push("complete"),
    failed: ({ code }) => heard.push(`failed ${code}`),
    lost: () => heard.push("lost"),
    withdrawn: (why) => heard.push(`withdrawn ${why}`),
    cancelConfirmed: ({ ended: how }) => heard.push(`confirmed ${how}`),
    usageBounds: () => ({ prompt: 1, completion: 1 }),
  };
}

function ask(body: readonly Uint8Array[] = [part(true)]): { readonly stream: AskedStream; readonly heard: string[] } {
  const told = listener();
  const stream = new AskedStream(told, clock, { freed() {}, over() {}, refused() {} });
  expect(asks.ask(stream, OPEN, body)).toBe(true);
  return { stream, heard: told.heard };
}

const ciphertext = Buffer.from("sealed");
const answer = { kind: "response", stream: 9, seq: 0, final: true, holds: "content", ciphertext } as const;

describe("the connection of two nodes", () => {
  it("takes a request there and its answer back, and frees the slot with its end", async () => {
    const { heard } = ask();
    await vi.waitUntil(() => sent.length === 1);
    const [{ request, listener: machine }] = sent as [(typeof sent)[number]];
    const [frame] = request.frames(77) as [Uint8Array];
    expect(Buffer.from(frame).readUInt32BE(1)).toBe(77);
    expect(has.relayed).toBe(1);
    machine.working("prefilling", 1, "request");
    machine.data(answer);
    machine.complete({ prompt_tokens: 1, completion_tokens: 1 });
    await vi.waitUntil(() => heard.length === 3);
    expect(heard).toEqual(["working prefilling", "data sealed", "complete"]);
    expect([freed, has.relayed]).toEqual([1, 0]);
  });

  it("takes a cancel there and its confirmation back, and lets nothing else through", async () => {
    const { stream, heard } = ask();
    await vi.waitUntil(() => sent.length === 1);
    stream.cancel("lost_race");
    await vi.waitUntil(() => sent[0]?.cancelled === "lost_race");
    expect(freed).toBe(1);
    sent[0]?.listener.data(answer);
    sent[0]?.listener.cancelConfirmed({ ended: "error", spent: undefined, clamped: [] });
    await vi.waitUntil(() => heard.length > 0);
    expect(heard).toEqual(["confirmed error"]);
  });

  it("tells both ends when it breaks: the machine stops, and the request goes elsewhere", async () => {
    const { heard } = ask();
    await vi.waitUntil(() => sent.length === 1);
    ends[0].terminate();
    await vi.waitUntil(() => ended.length === 2);
    expect(sent[0]?.cancelled).toBe("consumer_gone");
    expect([freed, heard]).toEqual([1, ["withdrawn cut"]]);
    expect(asks.mayAsk).toBe(false);
  });

  it("is cut when the other end says nothing for two rounds", async () => {
    ends[1].pause();
    clock.advance(5_000);
    clock.advance(5_000);
    clock.advance(5_000);
    expect(ended[0]).toContain("has silent");
  });

  it("refuses what the node that has the machine does not admit", async () => {
    admission = () => ({ type: "refused" });
    const { heard } = ask();
    await vi.waitUntil(() => heard.length === 1);
    expect([heard, sent.length]).toEqual([["withdrawn outrun"], 0]);
  });

  it("gives up a request that is not whole in time", async () => {
    const { heard } = ask([part(false)]);
    await vi.waitUntil(() => has.relayed === 1);
    clock.advance(1_000);
    await vi.waitUntil(() => heard.length === 1);
    expect([heard, freed]).toEqual([["withdrawn outrun"], 1]);
  });

  it.each([
    ["a gap in a stream", { kind: "credit", stream: 1, seq: 5 }, Buffer.alloc(4, 1)],
    ["a stream that nobody has opened", { kind: "credit", stream: 99, seq: 0 }, Buffer.alloc(4, 1)],
    [
      "an opening under a number of the other's",
      { kind: "open", stream: 2, seq: 0 },
      Buffer.from(JSON.stringify(OPEN)),
    ],
    ["an opening that says nothing", { kind: "open", stream: 3, seq: 0 }, Buffer.from("{}")],
    ["an answer where a request is asked", { kind: "data", stream: 1, seq: 1 }, Buffer.alloc(20)],
  ] as const)("ends at %s", async (_what, frame, payload) => {
    ask([part(false)]);
    await vi.waitUntil(() => has.relayed === 1);
    ends[0].send(encodeNodeFrame(frame, payload));
    await vi.waitUntil(() => ended.some((each) => each.startsWith("asks violation")));
  });

  it("ends at what is no frame", async () => {
    ends[0].send("words");
    await vi.waitUntil(() => ended.some((each) => each.startsWith("asks violation")));
  });
});
