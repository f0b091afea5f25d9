import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { Posture } from "@hearth/attestation";
import { FakeClock } from "@hearth/platform/testing";
import {
  CLOSE_CODES,
  type CoordinatorFrame,
  encodeControl,
  LIMITS,
  type ProviderFrame,
  type ProviderId,
} from "@hearth/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { createLogger } from "../platform/logger.js";
import { MACHINE_KEY, registerFrame } from "../testing/register-frame.js";
import type { MachineEarnings } from "./machine-earnings.js";
import type { ProviderStream, SealedRequest } from "./provider-link.js";
import { ProviderSession } from "./provider-session.js";
import type { Registration } from "./registration.js";
import type { SessionEnd } from "./session-end.js";
import { sessionRounds } from "./session-rounds.js";
import { AttestationVerifier, type Proof, type ProofClaims } from "./trust/attestation-verifier.js";
import { NO_RULES } from "./trust/runtime-manifest.js";
import type { PassedChallenge } from "./trust/session-trust.js";

const GO_AWAY_TIMEOUT_MS = 1_000;

let clock: FakeClock;
let server: WebSocketServer;
let agent: WebSocket;
let session: ProviderSession;
/** Makes a session on the same socket of a machine that has proved this. */
let register: (proved: Registration["proved"]) => ProviderSession;
/** What the next session's machine has earned. */
let earnings: MachineEarnings | undefined;
let heard: () => void;
/** What the agent has been told. */
let told: CoordinatorFrame[];
/** What listeners and hooks have heard of the end, in order. */
let ends: (SessionEnd | "lost")[];
let ended: Promise<void>;

beforeEach(async () => {
  clock = new FakeClock();
  told = [];
  ends = [];
  earnings = undefined;
  server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  agent = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  agent.on("message", (data, isBinary) => {
    if (!isBinary) told.push(JSON.parse(String(data)) as CoordinatorFrame);
  });
  const [[socket]] = (await Promise.all([once(server, "connection"), once(agent, "open")])) as [[WebSocket], unknown];
  const provider = "p" as ProviderId;
  const registration = { socket, cork() {}, provider, holder: { account: "a" }, version: 2, frame: registerFrame() };
  ended = new Promise((resolve) => {
    register = (proved) =>
      new ProviderSession(
        { ...registration, proved },
        {
          clock,
          log: createLogger("silent"),
          hooks: {
            updated: () => heard?.(),
            closed(_session, reason) {
              ends.push(reason);
              resolve();
            },
            unknownFrame() {},
            overRate() {},
            undigested() {},
            proved() {},
          },
          distrusted: () => false,
          verifier: new AttestationVerifier(clock, () => ({ type: "rejected" })),
          newChallenge: () => new Uint8Array(32),
          rounds: sessionRounds(clock),
          rules: () => NO_RULES,
          goAwayTimeoutMs: GO_AWAY_TIMEOUT_MS,
          earnings,
        },
      );
    session = register(undefined);
  });
});
afterEach(() => {
  session.close("going_away");
  agent.terminate();
  server.close();
});

function open(contextId = "c", frames: SealedRequest["frames"] = () => []): ProviderStream | undefined {
  const opening: SealedRequest["opening"] = {
    request_id: "r",
    attempt_id: "a",
    model: "m",
    dialect: "chat_completions",
    delivery: "whole",
    context_id: contextId,
    body_bytes: 0,
  };
  const context = { context_id: contextId, key_id: "k", encapsulated_key: MACHINE_KEY };
  return session.openStream(
    { context, opening, frames },
    {
      working() {},
      data() {},
      complete: () => undefined,
      failed() {},
      lost: () => ends.push("lost"),
      withdrawn() {},
      cancelConfirmed() {},
      usageBounds: () => ({ prompt: 100, completion: 50 }),
    },
  );
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

describe("what a session sends", () => {
  it("tells of a context before the first request under it, and only then", async () => {
    for (const contextId of ["c", "c", "d"]) open(contextId);
    await expect.poll(() => told.length).toBe(5);
    expect(told.map((frame) => ("context_id" in frame ? `${frame.type} ${frame.context_id}` : frame.type))).toEqual([
      "sealing_context c",
      "request c",
      "request c",
      "sealing_context d",
      "request d",
    ]);
    expect(session.openStreams).toBe(3);
  });

  it("answers a heartbeat with what came of the machine in selection since the last", async () => {
    session.work.picked();
    await say();
    await say();
    await expect.poll(() => told.length).toBe(2);
    expect(told).toMatchObject([{ type: "heartbeat_ack", picked: 1 }, { picked: 0 }]);
    expect(told[0]).not.toHaveProperty("earnings");
  });

  it("tells a machine with the first answer what it has earned, where that is known", async () => {
    const known = { today_micro_usd: 1, week_micro_usd: 2, total_micro_usd: 3, as_of: 4 };
    earnings = {
      of: ({ id, account, enrolmentId }) => (id === "p" && account === "a" && !enrolmentId ? known : undefined),
    };
    // The first session of this socket listens as well, and tells nothing.
    const earning = register(undefined);
    await say();
    await expect.poll(() => told.length).toBe(2);
    expect(told).toContainEqual({ type: "heartbeat_ack", picked: 0, lost: 0, rejected: {}, earnings: known });
    earning.close("going_away");
  });
});

describe("the version of a session", () => {
  /** Whether it is another one after that. */
  const differs = async (change: () => unknown): Promise<boolean> => {
    const before = session.version;
    await change();
    return session.version !== before;
  };

  it("is another one after whatever it is told", async () => {
    const frames: ProviderFrame[] = [
      { type: "models_update", models: [] },
      { type: "key_update", encryption_key: { key_id: "l", public_key: MACHINE_KEY } },
      { type: "drain" },
    ];
    for (const frame of frames) {
      const before = session.version;
      await say(frame);
      // Behind each of them it says a heartbeat.
      await expect.poll(() => session.version).toBe(before + 2);
    }
  });

  it("is another one after a slot was taken and given back, and when nothing new may come", async () => {
    let slot: Disposable | undefined;
    expect(
      await differs(() => {
        slot = session.acquire("m", 1);
      }),
    ).toBe(true);
    expect(await differs(() => slot?.[Symbol.dispose]())).toBe(true);
    expect(await differs(() => session.rulesChanged())).toBe(true);
    expect(await differs(() => session.goAway("upgrade", 0))).toBe(true);
    expect(await differs(() => session.close("going_away"))).toBe(true);
  });

  it("is another one when it has missed a challenge: its proof may count no more", async () => {
    const posture = { binary_hash: null } as Posture;
    const passed = { content: { posture } } as PassedChallenge;
    const proven = register({ claims: {} as ProofClaims, proof: {} as Proof, passed });
    const pass = (ms: number): void => {
      for (let passed = 0; passed < ms; passed += 5_000) {
        clock.advance(5_000);
        // It lives.
        for (const socket of server.clients) socket.emit("pong");
      }
    };
    pass(LIMITS.challengeIntervalMs);
    const before = proven.version;
    pass(LIMITS.challengeTimeoutMs);
    expect(proven.status).toBe("serving");
    expect(proven.version).toBe(before + 1);
    proven.close("going_away");
  });

  it("is another one when more waits in its socket than it may be sent requests with", async () => {
    const frames = () => [new Uint8Array(LIMITS.backlogClosesBytes + LIMITS.forwardedBodyBytes)];
    expect(await differs(() => open("c", () => []))).toBe(false);
    expect(await differs(() => open("c", frames))).toBe(true);
    expect(session.backlogBytes).toBeGreaterThan(LIMITS.backlogStopsDispatchBytes);
  });
});

describe("a session ends", () => {
  it("for what it says of a stream that was never opened, and tells everybody that before its own streams", async () => {
    open();
    agent.send(encodeControl({ type: "error", stream: 7, code: "internal", progress: "processed" }));
    await ended;
    expect(ends).toEqual(["protocol_violation", "lost"]);
    expect(session.status).toBe("offline");
    expect(open()).toBeUndefined();
  });

  it("as one that has left, when it said goodbye", async () => {
    await say({ type: "drain" });
    expect(session.status).toBe("draining");
    expect(open()).toBeUndefined();
    agent.close();
    await ended;
    expect(ends).toEqual(["left"]);
  });

  it("as one that its other end has closed, when it went without a word", async () => {
    open();
    agent.terminate();
    await ended;
    expect(ends).toEqual(["peer_closed", "lost"]);
  });

  it("as one that was sent away, when it goes after what ran on it has ended", async () => {
    open();
    session.goAway("restart", 500);
    await say({ type: "error", stream: 1, code: "internal", progress: "processed" });
    agent.close();
    await ended;
    expect(ends).toEqual(["sent_away"]);
  });

  it("as one that its other end has closed, when it goes sooner than that", async () => {
    open();
    session.goAway("restart", 500);
    agent.close();
    await ended;
    expect(ends).toEqual(["peer_closed", "lost"]);
  });

  it("once it answers no ping any more", async () => {
    agent.pause();
    for (let missed = 0; missed <= LIMITS.missedPongs; missed++) clock.advance(LIMITS.pingIntervalMs);
    await ended;
    expect(ends).toEqual(["liveness_timeout"]);
  });

  it("when it was asked to go and has not gone in time; until then what runs goes on, and nothing new begins", async () => {
    open();
    session.goAway("restart", 500);
    expect(open()).toBeUndefined();
    clock.advance(GO_AWAY_TIMEOUT_MS - 1);
    expect(ends).toEqual([]);
    const closed = once(agent, "close");
    clock.advance(1);
    expect(ends).toEqual(["going_away", "lost"]);
    expect((await closed)[0]).toBe(CLOSE_CODES.going_away);
    expect(told.at(-1)).toEqual({ type: "go_away", reason: "restart", reconnect_after_ms: 500 });
  });
});
