import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { FakeClock } from "@hearth/platform/testing";
import { encodeControl, type ProviderFrame, type ProviderId, type RegisterFrame } from "@hearth/protocol";
import { afterEach, beforeEach, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { createLogger } from "../platform/logger.js";
import type { ConfirmedCancel, ProviderStream, StreamListener } from "./provider-link.js";
import { ProviderSession } from "./provider-session.js";
import { ProofDesk } from "./trust/proof.js";
import { EMPTY_MANIFEST } from "./trust/runtime-manifest.js";

const KEY = Buffer.alloc(32, 9).toString("base64url");
const FRAME: RegisterFrame = {
  type: "register",
  versions: { min: 2, max: 2 },
  token: "t",
  agent: { version: "1.0.0" },
  identity: KEY,
  encryption_key: { key_id: "k", public_key: KEY },
  hardware: { platform: "test", arch: "test", cpu_cores: 1, memory_bytes: 0 },
  models: [],
  slots: [],
};

let server: WebSocketServer;
let agent: WebSocket;
let session: ProviderSession;
let heard: () => void;
const confirmed: (ConfirmedCancel & { readonly attempt: string })[] = [];

const signs: Parameters<StreamListener["working"]>[] = [];

beforeEach(async () => {
  confirmed.length = 0;
  signs.length = 0;
  server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  agent = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const [[socket]] = (await Promise.all([once(server, "connection"), once(agent, "open")])) as [[WebSocket], unknown];
  const clock = new FakeClock();
  const provider = "p" as ProviderId;
  const registration = { socket, cork() {}, provider, holder: { account: "a" }, version: 2, frame: FRAME };
  session = new ProviderSession(
    { ...registration, proved: undefined },
    {
      clock,
      log: createLogger("silent"),
      hooks: {
        updated: () => heard?.(),
        closed() {},
        unknownFrame() {},
        overRate() {},
        undigested() {},
        proved() {},
      },
      distrusted: () => false,
      desk: new ProofDesk(clock, () => ({ type: "rejected" })),
      newChallenge: () => new Uint8Array(32),
      manifest: () => EMPTY_MANIFEST,
      goAwayTimeoutMs: 1_000,
    },
  );
});
afterEach(() => {
  session.close("going_away");
  agent.terminate();
  server.close();
});

/** Opens a stream for this attempt. */
function open(attemptId: string): ProviderStream | undefined {
  const opening = {
    request_id: `request of ${attemptId}`,
    attempt_id: attemptId,
    model: "m",
    dialect: "chat_completions",
    delivery: "whole",
    context_id: "c",
    body_bytes: 0,
  } as const;
  const context = { context_id: "c", key_id: "k", encapsulated_key: KEY };
  const listener = {
    working: (...sign: Parameters<StreamListener["working"]>) => signs.push(sign),
    data() {},
    complete: () => undefined,
    failed() {},
    lost() {},
    cancelConfirmed: (told: ConfirmedCancel) => confirmed.push({ attempt: attemptId, ...told }),
    usageBounds: () => ({ prompt: 100, completion: 50 }),
  };
  return session.openStream({ context, opening, frames: () => [] }, listener);
}

/** Sends frames and waits until the coordinator's side has read them. */
async function say(...frames: readonly ProviderFrame[]): Promise<void> {
  const read = new Promise<void>((resolve) => {
    heard = resolve;
  });
  for (const frame of frames) agent.send(encodeControl(frame));
  agent.send(encodeControl({ type: "heartbeat", slots: [] }));
  await read;
}

it("tells each cancelled stream's own listener how it ended and what was spent", async () => {
  for (const attempt of ["stopped", "done", "silent", "liar"]) open(attempt)?.cancel("lost_race");
  const usage = { prompt_tokens: 7, completion_tokens: 3 };
  const stopped = { type: "error", code: "cancelled", progress: "processed" } as const;
  await say(
    { type: "complete", stream: 2, usage },
    { ...stopped, stream: 1, usage },
    { ...stopped, stream: 3 },
    { ...stopped, stream: 4, usage: { prompt_tokens: 1_000, completion_tokens: 3 } },
  );
  expect(confirmed).toEqual([
    { attempt: "done", ended: "complete", spent: usage, clamped: [] },
    { attempt: "stopped", ended: "error", spent: usage, clamped: [] },
    { attempt: "silent", ended: "error", spent: undefined, clamped: [] },
    { attempt: "liar", ended: "error", spent: { prompt_tokens: 100, completion_tokens: 3 }, clamped: ["prompt"] },
  ]);
  expect(session.status).toBe("serving");
});

it("tells of no confirmation for a stream that nobody cancelled", async () => {
  open("kept");
  await say({ type: "error", stream: 1, code: "internal", progress: "processed" });
  expect(confirmed).toEqual([]);
});

it("tells of each sign of life whether it can be tied to the stream's request", async () => {
  open("a");
  const sign = { type: "working", stream: 1, sign: "prefilling" } as const;
  await say(
    { ...sign, counter: 1 },
    { ...sign, counter: 2, scope: "server" },
    { ...sign, counter: 3, scope: "request" },
  );
  expect(signs).toEqual([
    ["prefilling", 1, "request"],
    ["prefilling", 2, "server"],
    ["prefilling", 3, "request"],
  ]);
});
