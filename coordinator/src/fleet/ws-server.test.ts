import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { FakeClock } from "@hearth/platform/testing";
import { encodeControl, LIMITS, SUBPROTOCOL } from "@hearth/protocol";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { createLogger } from "../platform/logger.js";
import { registerFrame } from "../testing/register-frame.js";
import type { Registration } from "./registration.js";
import { AttestationVerifier } from "./trust/attestation-verifier.js";
import { acceptProviders, PROVIDER_PATH } from "./ws-server.js";

const TOKEN = "a-provider-token";
const CAP = 3;

let server: Server;
let providers: Disposable;
let accepting: boolean;
let registered: Registration[];
let refused: string[];
/** Connections of machines that have registered. */
let recognised: unknown[];
let elsewhere: string[];
let clock: FakeClock;
const clients: WebSocket[] = [];

beforeEach(async () => {
  // Of this test alone: what an earlier one left may still end.
  const [joined, turnedAway, others]: [Registration[], string[], string[]] = [[], [], []];
  const known: unknown[] = [];
  registered = joined;
  refused = turnedAway;
  recognised = known;
  elsewhere = others;
  clients.length = 0;
  accepting = true;
  server = createServer();
  clock = new FakeClock();
  providers = acceptProviders(server, {
    clock,
    holderOf: (token) => (token === TOKEN ? { account: "owner" } : undefined),
    verifier: new AttestationVerifier(clock, () => ({ type: "rejected" })),
    newChallenge: () => new Uint8Array(32),
    proved: () => {},
    log: createLogger("silent"),
    maxConnectionsPerAddress: CAP,
    addressOf: (request) => request.socket.remoteAddress ?? "",
    accepting: () => accepting,
    recognised: (raw) => known.push(raw),
    registered: (registration) => joined.push(registration),
    refused: (reason) => turnedAway.push(reason),
    withoutUpgrade(request, socket) {
      others.push(request.url ?? "");
      socket.destroy();
    },
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterEach(async () => {
  providers[Symbol.dispose]();
  for (const client of clients) client.terminate();
  server.close();
  await once(server, "close");
});

const port = (): number => (server.address() as AddressInfo).port;

function dial(path: string = PROVIDER_PATH, protocols: string[] = [SUBPROTOCOL]): WebSocket {
  const client = new WebSocket(`ws://127.0.0.1:${port()}${path}`, protocols);
  client.on("error", () => {});
  clients.push(client);
  return client;
}

/** The HTTP status that an upgrade was answered with; 101 is a socket. */
function statusOf(client: WebSocket): Promise<number> {
  return new Promise((resolve) => {
    client.once("open", () => resolve(101));
    client.once("unexpected-response", (_request, response: IncomingMessage) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
  });
}

async function register(client: WebSocket): Promise<void> {
  await once(client, "open");
  client.send(encodeControl(registerFrame({ token: TOKEN })));
  await once(client, "message");
}

describe("an upgrade", () => {
  it("is taken on the providers' path with the subprotocol, and without compression", async () => {
    const client = dial();
    await register(client);
    expect(client.protocol).toBe(SUBPROTOCOL);
    expect(client.extensions).toBe("");
    expect(registered).toHaveLength(1);
    expect(recognised).toHaveLength(1);
  });

  it("is taken with a query, and with other subprotocols beside ours", async () => {
    expect(await statusOf(dial(`${PROVIDER_PATH}?from=test`, ["other", SUBPROTOCOL]))).toBe(101);
  });

  it.each(["/", "/ws", "/ws/provider/", "/ws/providers", "/v1/chat/completions", "//"])(
    "is left to others on %s",
    async (path) => {
      await new Promise((resolve) => dial(path).once("close", resolve));
      expect(elsewhere).toEqual([path]);
    },
  );

  it.each([[[]], [["hearth.v1"]], [["hearth"]]])("is 400 with the subprotocols %j", async (protocols) => {
    expect(await statusOf(dial(PROVIDER_PATH, protocols))).toBe(400);
  });

  it("is 503 when the coordinator is on its way out, and harms nobody who is here", async () => {
    const here = dial();
    await register(here);
    accepting = false;
    expect(await statusOf(dial())).toBe(503);
    expect(here.readyState).toBe(WebSocket.OPEN);
  });

  it("is 426 on the providers' path when it asks for another protocol", async () => {
    const socket = rawUpgrade(PROVIDER_PATH, "h2c");
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 426 .*\r\nUpgrade: websocket\r\n/);
  });

  it("that is refused gives its descriptor back when its peer goes, whatever came behind it", async () => {
    for (let i = 0; i < 20; i++) {
      const socket = rawUpgrade(PROVIDER_PATH, "h2c");
      socket.write("z".repeat(70_000));
      await once(socket, "data");
      socket.destroy();
    }
    await vi.waitFor(async () => expect(await openConnections()).toBe(0));
    expect(clock.pending).toBe(0);
  });

  it("that is refused is cut off within a second when its peer stays", async () => {
    const socket = rawUpgrade(PROVIDER_PATH, "h2c", { allowHalfOpen: true });
    await once(socket, "data");
    expect(await openConnections()).toBe(1);
    clock.advance(1_000);
    await vi.waitFor(async () => expect(await openConnections()).toBe(0));
    socket.destroy();
  });

  it.each(["http://[", "//:0", "*"])("does no harm with the target %s", async (target) => {
    const socket = rawUpgrade(target);
    await once(socket, "close");
    expect(await statusOf(dial())).toBe(101);
  });
});

/** An upgrade as no client library would send it. */
function rawUpgrade(
  target: string,
  protocol: string = "websocket",
  { allowHalfOpen = false }: { readonly allowHalfOpen?: boolean } = {},
): Socket {
  const socket = connect({ port: port(), host: "127.0.0.1", allowHalfOpen });
  socket.on("error", () => {});
  if (!allowHalfOpen) socket.resume();
  socket.write(
    `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
  );
  return socket;
}

function openConnections(): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
  });
}

describe("the cap per address", () => {
  it("refuses one more with 429, whether or not the others have registered", async () => {
    const open = Array.from({ length: CAP }, () => dial());
    const [first, ...others] = open as [WebSocket, ...WebSocket[]];
    await Promise.all([register(first), ...others.map((client) => once(client, "open"))]);
    expect(await statusOf(dial())).toBe(429);
  });

  it("counts nobody who is gone, refused ones included", async () => {
    for (let i = 0; i < 2 * CAP; i++) {
      const client = dial();
      await once(client, "open");
      client.send("garbage");
      await once(client, "close");
    }
    expect(refused).toEqual(Array.from({ length: 2 * CAP }, () => "malformed_frame"));
    expect(await statusOf(dial())).toBe(101);
  });
});

describe("a message over the limit", () => {
  it("is refused by its announced length, before it is sent", async () => {
    const client = dial();
    await register(client);
    const closed = new Promise((resolve) => client.once("close", resolve));
    const header = Buffer.alloc(14);
    header[0] = 0x82;
    header[1] = 0x80 | 127;
    header.writeBigUInt64BE(BigInt(LIMITS.frameBytes + 1), 2);
    rawSocketOf(client).write(header);
    expect(await closed).toBe(1009);
  });
});

/** The connection below a client, for bytes that its library would not send. */
function rawSocketOf(client: WebSocket): Socket {
  return (client as unknown as { readonly _socket: Socket })._socket;
}

it("cuts every socket when it is disposed", async () => {
  const waiting = dial();
  const here = dial();
  await Promise.all([once(waiting, "open"), register(here)]);
  const closed = Promise.all([once(waiting, "close"), once(here, "close")]);
  providers[Symbol.dispose]();
  await closed;
  expect(server.listenerCount("upgrade")).toBe(0);
});
