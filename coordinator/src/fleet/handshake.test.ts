import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { FakeClock } from "@hearth/platform/testing";
import { CLOSE_CODES, encodeControl, LIMITS, type RegisterFrame, SUBPROTOCOL } from "@hearth/protocol";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { createCredentials } from "../platform/credentials.js";
import { MACHINE_KEY, registerFrame } from "../testing/register-frame.js";
import { type HandshakeDeps, type HandshakeResult, handshake } from "./handshake.js";
import { providerIdOf } from "./registration.js";
import { AttestationVerifier } from "./trust/attestation-verifier.js";

const TOKEN = "a-provider-token";

let clock: FakeClock;
let server: Server;
let sockets: WebSocketServer;
let client: WebSocket;
let result: Promise<HandshakeResult>;
let deps: HandshakeDeps;
let proofs: string[];
let challenges: number;
/** What is to be done when there is time; `undefined` = there is. */
let later: (() => void)[] | undefined;

beforeEach(async () => {
  clock = new FakeClock();
  server = createServer().listen(0, "127.0.0.1");
  sockets = new WebSocketServer({ noServer: true, maxPayload: LIMITS.frameBytes });
  const tokens = createCredentials([{ secret: TOKEN, account: "owner" }]);
  proofs = [];
  challenges = 0;
  later = undefined;
  deps = {
    clock,
    holderOf: (token) => {
      const account = tokens.accountOf(token);
      return account === undefined ? undefined : { account };
    },
    verifier: new AttestationVerifier(clock, () => ({ type: "rejected" })),
    newChallenge: () => new Uint8Array(32).fill(++challenges),
    proved: (kind, outcome) => proofs.push(`${kind} ${outcome}`),
    paced: { do: (_stage, work) => void (later === undefined ? work() : later.push(work)) },
  };
  const begun = new Promise<void>((resolve) => {
    server.on("upgrade", (request, raw, head) => {
      sockets.handleUpgrade(request, raw, head, (socket) => {
        socket.on("error", () => {});
        result = handshake(socket, raw, deps);
        resolve();
      });
    });
  });
  await once(server, "listening");
  client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, SUBPROTOCOL);
  client.on("error", () => {});
  await once(client, "open");
  await begun;
});
afterEach(async () => {
  client.terminate();
  for (const socket of sockets.clients) socket.terminate();
  server.close();
  await once(server, "close");
});

const send = (changes: Partial<RegisterFrame> = {}): void =>
  client.send(encodeControl(registerFrame({ token: TOKEN, ...changes })));

async function refusal(): Promise<{ readonly reason: string; readonly code: number; readonly told: string }> {
  const [ended, [code, told]] = await Promise.all([result, once(client, "close")]);
  if (ended.type !== "refused") throw new Error("it was let in");
  return { reason: ended.reason, code: code as number, told: String(told) };
}

/** A refusal is told by its code and its name, and nothing stays behind once the peer has closed as well. */
async function expectRefusal(reason: keyof typeof CLOSE_CODES): Promise<void> {
  expect(await refusal()).toEqual({ reason, code: CLOSE_CODES[reason], told: reason });
  await vi.waitFor(() => expect(clock.pending).toBe(0));
}

describe("a provider that registers", () => {
  it("is let in, and told its id, the version and how often to report", async () => {
    send();
    const [answer] = await once(client, "message");
    expect(JSON.parse(String(answer))).toEqual({
      type: "registered",
      version: 2,
      provider_id: providerIdOf(MACHINE_KEY, false),
      heartbeat_interval_ms: LIMITS.heartbeatIntervalMs,
      trust_level: "none",
    });
    const ended = await result;
    expect(ended).toMatchObject({ type: "registered", registration: { holder: { account: "owner" }, version: 2 } });
    expect(clock.pending).toBe(0);
  });

  it("leaves no listener of the handshake on its socket", async () => {
    send();
    const ended = await result;
    if (ended.type !== "registered") throw new Error("it was refused");
    expect(ended.registration.socket.listenerCount("message")).toBe(0);
    clock.advance(LIMITS.registrationTimeoutMs);
    expect(client.readyState).toBe(WebSocket.OPEN);
  });

  it("is let in when its version range only overlaps ours", async () => {
    send({ versions: { min: 1, max: 9 } });
    expect(await result).toMatchObject({ type: "registered", registration: { version: 2 } });
  });
});

describe("a provider that does not register as it should", () => {
  it("is refused without a valid token", async () => {
    send({ token: "another-token" });
    await expectRefusal("unauthorized");
  });

  it("is refused when no version is common", async () => {
    send({ versions: { min: 3, max: 4 } });
    await expectRefusal("version_unsupported");
  });

  it("learns of a version that is not common before its token is looked at", async () => {
    send({ versions: { min: 3, max: 4 }, token: "another-token" });
    await expectRefusal("version_unsupported");
  });

  it("is refused when its first message is binary", async () => {
    client.send(Buffer.from(encodeControl(registerFrame({ token: TOKEN }))));
    await expectRefusal("malformed_frame");
  });

  it("is refused when its first message is another frame", async () => {
    client.send(JSON.stringify({ type: "heartbeat", slots: [] }));
    await expectRefusal("protocol_violation");
  });

  it.each(["{", "[]", "null", '{"type":7}', '{"type":"register"}'])("is refused for the message %s", async (text) => {
    client.send(text);
    await expectRefusal("malformed_frame");
  });

  it("is refused with a key that is not 32 bytes", async () => {
    send({ encryption_key: { key_id: "k", public_key: Buffer.alloc(31).toString("base64url") } });
    await expectRefusal("malformed_frame");
  });

  it("is refused once its time is over, and not before", async () => {
    clock.advance(LIMITS.registrationTimeoutMs - 1);
    expect(client.readyState).toBe(WebSocket.OPEN);
    clock.advance(1);
    await expectRefusal("registration_timeout");
  });

  it("is refused for one message over 64 KiB", async () => {
    send({ agent: { version: "x".repeat(LIMITS.preRegistrationBytes) } });
    await expectRefusal("message_too_big");
  });

  it("is refused for over 64 KiB in a message that it never ends", async () => {
    for (let sent = 0; sent <= LIMITS.preRegistrationBytes; sent += 8 * 1024) {
      client.send("x".repeat(8 * 1024), { fin: false });
    }
    await expectRefusal("message_too_big");
  });

  it("is let in with as many models as it may have, if they fit", async () => {
    send({ models: Array.from({ length: LIMITS.modelsPerProvider }, (_, i) => ({ id: `m${i}`, capabilities: {} })) });
    expect((await result).type).toBe("registered");
  });

  it("is forgotten when it hangs up first", async () => {
    client.terminate();
    expect(await result).toMatchObject({ type: "refused", problem: "closed before registration" });
    expect(clock.pending).toBe(0);
  });
});

describe("while others are let in", () => {
  const waiting = (length: number): Promise<void> => vi.waitFor(() => expect(later).toHaveLength(length));
  beforeEach(() => {
    later = [];
  });

  it("a machine is not refused for the time that we take to read what it has sent", async () => {
    send();
    await waiting(1);
    clock.advance(LIMITS.registrationTimeoutMs);
    later?.[0]?.();
    expect((await result).type).toBe("registered");
    expect(clock.pending).toBe(0);
  });

  it("one that sends more before it is answered is refused", async () => {
    send();
    send();
    await expectRefusal("protocol_violation");
    expect(later).toHaveLength(1);
  });

  it("nobody reads what one sent that has gone", async () => {
    const tokenRead = vi.spyOn(deps, "holderOf");
    send();
    await waiting(1);
    client.terminate();
    expect(await result).toMatchObject({ problem: "closed before registration" });
    later?.[0]?.();
    expect(tokenRead).not.toHaveBeenCalled();
  });
});

describe("a provider that was refused", () => {
  it("is cut off when it does not answer the close", async () => {
    // Its side of the socket reads nothing more, so that it never hears of the close.
    client.pause();
    client.send("{}");
    const [server] = [...sockets.clients];
    await result;
    expect(server?.readyState).toBe(WebSocket.CLOSING);
    clock.advance(2_000);
    await vi.waitFor(() => expect(server?.readyState).toBe(WebSocket.CLOSED));
    expect(clock.pending).toBe(0);
  });
});
