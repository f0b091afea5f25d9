import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { FakeClock } from "@hearth/platform/testing";
import { afterEach, beforeEach, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { systemIds } from "../platform/ids.js";
import { clusterKeysOf } from "./cluster-keys.js";
import { admitNode, greet, type NodeHandshake, type NodeHandshakeDeps } from "./node-handshake.js";

const SECRET = "a-secret-of-all-nodes-of-the-tests-0123456789";

let clock: FakeClock;
let server: Server;
let sockets: WebSocketServer;
/** How the acceptor has it. */
let accepted: Promise<NodeHandshake>;
/** What came to it, as it came. */
let heard: string[];
/** What it says to that. */
let said: string[];

const depsOf = (id: string, changes: Partial<NodeHandshakeDeps> = {}): NodeHandshakeDeps => ({
  ...{ clock, key: clusterKeysOf(SECRET).link, self: { id, epoch: 5 }, newNonce: () => systemIds.challenge() },
  ...changes,
});

beforeEach(async () => {
  clock = new FakeClock();
  [heard, said] = [[], []];
  server = createServer();
  sockets = new WebSocketServer({ noServer: true });
  accepted = new Promise((resolve) => {
    server.on("upgrade", (request, raw, head) =>
      sockets.handleUpgrade(request, raw, head, (socket) => {
        socket.on("message", (data) => heard.push(String(data)));
        const send = socket.send.bind(socket) as (text: string) => void;
        socket.send = (text: unknown) => {
          said.push(String(text));
          send(String(text));
        };
        socket.on("error", () => {});
        admitNode({ socket, raw }, depsOf("b"), resolve);
      }),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterEach(() => {
  for (const socket of sockets.clients) socket.terminate();
  server.close();
});

async function dial(): Promise<{ readonly socket: WebSocket; readonly raw: Duplex }> {
  const socket = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  socket.on("error", () => {});
  const [[response]] = await Promise.all([once(socket, "upgrade"), once(socket, "open")]);
  return { socket, raw: (response as { readonly socket: Duplex }).socket };
}

async function dialAs(deps: NodeHandshakeDeps, expected = "b"): Promise<NodeHandshake> {
  const ends = await dial();
  return new Promise((resolve) => greet({ ...ends, expected }, deps, resolve));
}

it("tells each end who the other is, when both know the secret", async () => {
  expect(await dialAs(depsOf("a"))).toEqual({ type: "peer", peer: { id: "b", epoch: 5, version: 1 } });
  expect(await accepted).toEqual({ type: "peer", peer: { id: "a", epoch: 5, version: 1 } });
});

it("refuses who does not know the secret, and tells him nothing that shows that it knows it", async () => {
  const stranger = depsOf("a", { key: clusterKeysOf(`${SECRET}!`).link });
  expect((await dialAs(stranger)).type).toBe("refused");
  expect(await accepted).toEqual({ type: "refused", problem: "it does not know the secret" });
  expect(said.join()).not.toContain("mac");
});

it("refuses one that does not prove in its turn that it knows the secret", async () => {
  const { socket, raw } = await dial();
  const [server_] = [...sockets.clients];
  server_?.removeAllListeners("message");
  server_?.on("message", (data) => {
    const { type } = JSON.parse(String(data)) as { type: string };
    const nonce = Buffer.alloc(32).toString("base64url");
    if (type === "hello") server_.send(JSON.stringify({ type: "challenge", node: "b", epoch: 5, nonce, version: 1 }));
    // What the dialler said is sent back to it.
    else server_.send(JSON.stringify({ ...JSON.parse(String(data)), type: "welcome" }));
  });
  const result = await new Promise((resolve) => greet({ socket, raw, expected: "b" }, depsOf("a"), resolve));
  expect(result).toEqual({ type: "refused", problem: "it does not know the secret" });
});

it("refuses a recording of one that was let in", async () => {
  await dialAs(depsOf("a"));
  await accepted;
  const recorded = [...heard];
  const again = await dial();
  for (const text of recorded) again.socket.send(text);
  await once(again.socket, "close");
  expect(said.filter((text) => text.includes("welcome"))).toHaveLength(1);
});

it("refuses another node than the one that was dialled, and itself", async () => {
  expect(await dialAs(depsOf("a"), "c")).toMatchObject({ problem: "another node than the one that was dialled" });
  const itself = await dial();
  greet({ ...itself, expected: "b" }, depsOf("b"), () => {});
  await once(itself.socket, "close");
});

it("refuses a node that speaks no version of its own", async () => {
  const { socket } = await dial();
  const nonce = Buffer.alloc(32).toString("base64url");
  socket.send(JSON.stringify({ type: "hello", node: "a", epoch: 1, nonce, versions: { min: 2, max: 3 } }));
  expect(await accepted).toEqual({ type: "refused", problem: "no common version" });
});

it("cuts off who says too much before it is known, or too little for too long, or anything else", async () => {
  const much = await dial();
  much.socket.send("x".repeat(9_000));
  expect(await accepted).toMatchObject({ problem: "too much before it is known" });
  const slow = await dial();
  clock.advance(5_000);
  await once(slow.socket, "close");
  for (const words of ["{}", Buffer.alloc(8)]) {
    const odd = await dial();
    odd.socket.send(words);
    await once(odd.socket, "close");
  }
});
