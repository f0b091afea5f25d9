import { execFile } from "node:child_process";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { type Duplex, PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Listener } from "../http/listener.js";
import { systemClock } from "../platform/clock.js";
import type { Metrics } from "../platform/metrics.js";
import { createServer, type OwnedServer } from "./create-server.js";

const MAX_CONNECTIONS = 16;

/** Short, so that a test can wait for them: nothing else here takes as long. */
const TIMEOUTS = { stalledMs: 300, idleMs: 1_500, graceMs: 50 };

/** What Node adds to the time of an idle connection, ms. */
const NODES_OWN_MS = 1_000;

let hearth: OwnedServer;
/** Why connections were ended. */
let ended: string[];
/** What has been asked, and not answered where the path is `/hold`. */
let asked: ServerResponse[];
let closed: number;
/** Upgrades that have been offered. */
let offered: number;
let release: () => void;
const sockets: Socket[] = [];

beforeEach(async () => {
  asked = [];
  closed = 0;
  offered = 0;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const serve: Listener = async (incoming, outgoing) => {
    asked.push(outgoing);
    outgoing.once("close", () => {
      closed += 1;
    });
    const { url: path = "", method, headers } = incoming;
    if (path === "/key") hearth.connections.recognise(incoming.socket);
    if (path === "/large") return void outgoing.end(Buffer.alloc(32 * 1024 * 1024));
    if (path === "/refused") return void outgoing.writeHead(401).end("[refused]");
    if (path === "/hold") await held;
    // Cut off in its middle, it has nobody to answer.
    const body = await text(incoming).catch(() => undefined);
    if (body !== undefined) outgoing.end(`[${method} ${path} ${headers["x-mark"] ?? null} ${body}]`);
  };
  ended = [];
  const count = { inc: ({ reason }: { reason: string }) => void ended.push(reason) };
  hearth = createServer(
    serve,
    { maxConnections: MAX_CONNECTIONS, proxies: 0, timeouts: TIMEOUTS },
    count as Metrics["connectionsEnded"],
  );
  const { server, forProviders } = hearth;
  server.on("upgrade", forProviders.withoutUpgrade);
  server.on("upgrade", () => {
    offered += 1;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterEach(async () => {
  release();
  for (const socket of sockets.splice(0)) socket.destroy();
  hearth.server.close();
  hearth.connections.destroy();
  await once(hearth.server, "close");
});

const port = (): number => (hearth.server.address() as AddressInfo).port;

/** A client that writes what no library would, and keeps all that comes back. */
class RawClient {
  text = "";
  readonly socket: Socket;

  constructor() {
    this.socket = connect(port(), "127.0.0.1");
    this.socket.on("error", () => {});
    this.socket.on("data", (data: Buffer) => {
      this.text += data.toString("latin1");
    });
    sockets.push(this.socket);
  }

  /** The bodies of the answers so far. */
  get answers(): readonly string[] {
    return this.text.match(/\[[^\]]*\]/g) ?? [];
  }

  async answered(...bodies: readonly string[]): Promise<void> {
    await vi.waitFor(() => expect(this.answers).toEqual(bodies), { timeout: 5_000 });
  }
}

/** A connection from anywhere, on which nothing is said. */
function stranger(remoteAddress: string): Duplex {
  const socket = Object.assign(new PassThrough(), { remoteAddress });
  hearth.server.emit("connection", socket);
  return socket;
}

function socketOf(response: ServerResponse | undefined): Socket {
  if (response?.socket === null || response === undefined) throw new Error("no connection");
  return response.socket;
}

const OFFER = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n";
const get = (path: string, headers = ""): string => `GET ${path} HTTP/1.1\r\nHost: x\r\nX-Mark: m\r\n${headers}\r\n`;
const post = (path: string, body: string, headers = ""): string =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nX-Mark: m\r\nContent-Length: ${body.length}\r\n${headers}\r\n${body}`;

describe("a request that offers an upgrade which nobody wants", () => {
  it("is served as if it offered none, and so is the next one on its connection", async () => {
    const client = new RawClient();
    client.socket.write(get("/a", OFFER));
    await client.answered("[GET /a m ]");
    client.socket.write(get("/b"));
    await client.answered("[GET /a m ]", "[GET /b m ]");
    client.socket.write(get("/c", OFFER));
    await client.answered("[GET /a m ]", "[GET /b m ]", "[GET /c m ]");
    expect(hearth.connections.size).toBe(1);
  });

  it.each(["together", "apart"])("may have a body that comes with it or later (%s)", async (how) => {
    const client = new RawClient();
    const body = "x".repeat(100_000);
    const request = post("/a", body, OFFER);
    const cut = how === "together" ? request.length : request.indexOf("\r\n\r\n") + 10;
    client.socket.write(request.slice(0, cut));
    if (how === "apart") {
      await vi.waitFor(() => expect(asked).toHaveLength(1));
      client.socket.write(request.slice(cut));
    }
    await client.answered(`[POST /a m ${body}]`);
  });

  it("may have a body in chunks, and may wait to be told to go on with it", async () => {
    const client = new RawClient();
    const chunked = `Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n${OFFER}`;
    client.socket.write(get("/a", chunked).replace("GET", "POST"));
    await vi.waitFor(() => expect(client.text).toContain("100 Continue"));
    client.socket.write("5\r\nhello\r\n0\r\n\r\n");
    await client.answered("[POST /a m hello]");
  });

  it("ends with its connection while it waits for its turn, and harms nobody else", async () => {
    const client = new RawClient();
    client.socket.write(get("/hold"));
    await vi.waitFor(() => expect(asked).toHaveLength(1));
    client.socket.write(get("/b", OFFER));
    await vi.waitFor(() => expect(offered).toBe(1));
    client.socket.resetAndDestroy();
    await vi.waitFor(() => expect(closed).toBe(1));
    expect(hearth.connections.requests).toBe(0);
    expect(hearth.connections.size).toBe(0);
  });

  it("is given up when its client hangs up while it waits for its turn, and so is what it waits for", async () => {
    const client = new RawClient();
    client.socket.write(get("/hold"));
    await vi.waitFor(() => expect(asked).toHaveLength(1));
    client.socket.write(get("/b", OFFER) + get("/c"));
    await vi.waitFor(() => expect(offered).toBe(1));
    client.socket.end();
    await vi.waitFor(() => expect(closed).toBe(1));
    await vi.waitFor(() => expect(hearth.connections.size).toBe(0));
    expect(asked).toHaveLength(1);
  });

  it("may have its body and further requests come while it waits for its turn", async () => {
    const client = new RawClient();
    client.socket.write(get("/hold"));
    await vi.waitFor(() => expect(asked).toHaveLength(1));
    const body = "x".repeat(30_000);
    const request = post("/b", body, OFFER);
    client.socket.write(request.slice(0, request.length - 20_000));
    await vi.waitFor(() => expect(offered).toBe(1));
    client.socket.write(request.slice(-20_000) + get("/c"));
    await vi.waitFor(() => expect(socketOf(asked[0]).bytesRead).toBe(client.socket.bytesWritten));
    release();
    await client.answered("[GET /hold m ]", `[POST /b m ${body}]`, "[GET /c m ]");
  });

  it("is cut off when more comes behind it, before its turn, than anybody honest sends", async () => {
    const client = new RawClient();
    client.socket.write(get("/hold"));
    await vi.waitFor(() => expect(asked).toHaveLength(1));
    client.socket.write(post("/b", "x".repeat(1_000_000), OFFER));
    await vi.waitFor(() => expect(ended).toEqual(["pipelined"]));
    await vi.waitFor(() => expect(closed).toBe(1));
  });

  it("waits for its turn behind an answer that is not out yet", async () => {
    const client = new RawClient();
    client.socket.write(get("/hold"));
    await vi.waitFor(() => expect(asked).toHaveLength(1));
    client.socket.write(get("/b", OFFER) + get("/c"));
    release();
    await client.answered("[GET /hold m ]", "[GET /b m ]", "[GET /c m ]");
  });

  it("keeps the rest of its Connection header", async () => {
    const client = new RawClient();
    client.socket.write(get("/a", OFFER.replace("Connection: Upgrade", "Connection: close, Upgrade")));
    await once(client.socket, "close");
    expect(client.answers).toEqual(["[GET /a m ]"]);
    expect(client.text).toMatch(/connection: close/i);
  });

  it("is served to curl", async ({ skip }) => {
    const run = promisify(execFile);
    const { stdout: version } = await run("curl", ["--version"]).catch(() => ({ stdout: "" }));
    if (!version.includes("HTTP2")) skip("no curl with HTTP/2 on this machine");
    const url = `http://127.0.0.1:${port()}`;
    const options = ["-sS", "--http2", "-H", "X-Mark: m"];
    const { stdout } = await run("curl", [...options, "-d", "hello", `${url}/a`, "--next", ...options, `${url}/b`]);
    expect(stdout).toBe("[POST /a m hello][GET /b m ]");
  });
});

describe("a consumer that is gone", () => {
  it("ends every request of its connection, also those whose answers wait behind another's", async () => {
    const client = new RawClient();
    client.socket.write(get("/hold").repeat(20));
    await vi.waitFor(() => expect(asked).toHaveLength(20));
    expect(hearth.connections.requests).toBe(20);
    client.socket.resetAndDestroy();
    await vi.waitFor(() => expect(closed).toBe(20));
    expect(asked.every((response) => response.destroyed)).toBe(true);
    expect(hearth.connections.requests).toBe(0);
    expect(hearth.connections.size).toBe(0);
  });

  it("is noticed although nobody wants the body of a request that waits behind another's", async () => {
    const client = new RawClient();
    client.socket.write(get("/hold") + post("/refused", "x".repeat(1_000_000)));
    await vi.waitFor(() => expect(asked).toHaveLength(2));
    client.socket.end();
    await vi.waitFor(() => expect(closed).toBe(2));
    expect(hearth.connections.requests).toBe(0);
  });

  it("does not keep a stop waiting", async () => {
    const client = new RawClient();
    client.socket.write(get("/hold").repeat(20));
    await vi.waitFor(() => expect(asked).toHaveLength(20));
    const idle = hearth.connections.answered(systemClock, 60_000);
    client.socket.resetAndDestroy();
    await idle;
  });
});

describe("a connection", () => {
  it("is cut off when more requests wait on it than anybody honest sends", async () => {
    const client = new RawClient();
    client.socket.write(get("/hold").repeat(100));
    await once(client.socket, "close");
    expect(asked.length).toBeLessThanOrEqual(32);
    expect(ended).toEqual(["pipelined"]);
    await vi.waitFor(() => expect(hearth.connections.requests).toBe(0));
  });

  it("is refused to an address that has its share, and granted again when one is gone", async () => {
    const clients = Array.from({ length: MAX_CONNECTIONS / 2 }, () => new RawClient());
    await vi.waitFor(() => expect(hearth.connections.size).toBe(MAX_CONNECTIONS / 2));
    await once(new RawClient().socket, "close");
    clients[0]?.socket.destroy();
    await vi.waitFor(() => expect(hearth.connections.size).toBe(MAX_CONNECTIONS / 2 - 1));
    const late = new RawClient();
    late.socket.write(get("/a"));
    await late.answered("[GET /a m ]");
  });

  it("of a stranger makes room for a newcomer, and nobody's who has shown a key does", async () => {
    const friend = new RawClient();
    friend.socket.write(get("/key"));
    await friend.answered("[GET /key m ]");
    // From many addresses, as far as the server can tell.
    const strangers = Array.from({ length: MAX_CONNECTIONS + 4 }, (_, i) => stranger(`192.0.2.${i}`));
    await vi.waitFor(() => expect(hearth.connections.size).toBe(MAX_CONNECTIONS));
    expect(ended).toEqual(Array.from({ length: 5 }, () => "crowded_out"));
    expect(strangers.map(({ destroyed }) => destroyed)).toEqual(strangers.map((_, i) => i < 5));
    const late = new RawClient();
    late.socket.write(get("/a"));
    await late.answered("[GET /a m ]");
    friend.socket.write(get("/b"));
    await friend.answered("[GET /key m ]", "[GET /b m ]");
  });

  it("is closed at once where all others have shown a key", async () => {
    const friends = Array.from({ length: MAX_CONNECTIONS }, (_, i) => stranger(`192.0.2.${i}`));
    for (const friend of friends) hearth.connections.recognise(friend);
    await once(new RawClient().socket, "close");
    expect(ended).toEqual(["full"]);
    expect(friends.some(({ destroyed }) => destroyed)).toBe(false);
  });

  it("counts for its whole network where it speaks IPv6, in which anybody has any number of addresses", () => {
    const share = MAX_CONNECTIONS / 2;
    const sockets = Array.from({ length: share + 1 }, (_, i) => stranger(`2001:db8:1:2::${i + 1}`));
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual(sockets.map((_, i) => i === share));
    expect(ended).toEqual(["address_full"]);
    expect(stranger("::ffff:192.0.2.1").destroyed).toBe(false);
  });

  it("is ended when its client reads nothing of a long answer, however fast it was to ask", async () => {
    const client = new RawClient();
    client.socket.pause();
    client.socket.write(get("/large"));
    await vi.waitFor(() => expect(ended).toEqual(["unread"]), { timeout: 10_000 });
    await vi.waitFor(() => expect(hearth.connections.size).toBe(0));
    expect(hearth.connections.requests).toBe(0);
  });

  it("is not ended for a pause of ours, in which its client has asked for more", async () => {
    const client = new RawClient();
    client.socket.write(get("/a"));
    await client.answered("[GET /a m ]");
    // Stands still as a stopped process does. From this phase of the loop, timers run before what has come is read.
    await new Promise(setImmediate);
    client.socket.write(get("/b"));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, TIMEOUTS.idleMs + NODES_OWN_MS + 200);
    await client.answered("[GET /a m ]", "[GET /b m ]");
    expect(ended).toEqual([]);
  });

  it("is left alone for as long as an answer of ours is due", async () => {
    const [waiting, idle] = [new RawClient(), new RawClient()];
    waiting.socket.write(get("/hold"));
    idle.socket.write(get("/a"));
    // Much longer than any time that a client has: that of the idle one is over in between.
    await vi.waitFor(() => expect(ended).toEqual(["idle"]), { timeout: 10_000 });
    release();
    await waiting.answered("[GET /hold m ]");
    waiting.socket.write(get("/b"));
    await waiting.answered("[GET /hold m ]", "[GET /b m ]");
  });

  it("hears at its next answer that it will be closed, and is closed behind it", async () => {
    const [busy, idle] = [new RawClient(), new RawClient()];
    busy.socket.write(get("/hold"));
    idle.socket.write(get("/a"));
    await idle.answered("[GET /a m ]");
    hearth.connections.announceEnd();
    release();
    idle.socket.write(get("/b"));
    await Promise.all([once(busy.socket, "close"), once(idle.socket, "close")]);
    expect(busy.answers).toEqual(["[GET /hold m ]"]);
    expect(idle.answers).toEqual(["[GET /a m ]", "[GET /b m ]"]);
    expect(busy.text).toMatch(/connection: close/i);
  });
});
