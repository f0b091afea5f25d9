import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { SUBPROTOCOL } from "@hearth/protocol";
import { afterEach, expect, it } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { freePort } from "./free-port.js";
import { LeanSocket } from "./lean-socket.js";

let server: WebSocketServer | undefined;
afterEach(() => server?.close());

interface Connected {
  readonly lean: LeanSocket;
  readonly peer: WebSocket;
  readonly address: string | undefined;
  /** What came, in order. */
  readonly events: string[];
}

async function connected(): Promise<Connected> {
  server = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols: () => SUBPROTOCOL });
  await once(server, "listening");
  const events: string[] = [];
  const { port } = server.address() as AddressInfo;
  const lean = new LeanSocket(
    { port, path: "/ws", headers: { "x-forwarded-for": "10.0.0.1" } },
    {
      open: () => events.push("open"),
      refused: () => events.push("refused"),
      message: (text) => events.push(text),
      close: () => events.push("closed"),
    },
  );
  const [peer, request] = await once(server, "connection");
  await expect.poll(() => events).toEqual(["open"]);
  return { lean, peer, address: request.headers["x-forwarded-for"], events };
}

it("speaks with a WebSocket server as a client does", async () => {
  const { lean, peer, address, events } = await connected();
  expect(address).toBe("10.0.0.1");
  for (const text of ["short", "€".repeat(1_000)]) {
    const arrived = once(peer, "message");
    lean.send(text);
    const [data, isBinary] = await arrived;
    expect([String(data), isBinary]).toEqual([text, false]);
  }
  const answered = once(peer, "pong");
  peer.send("a");
  peer.send("b".repeat(500));
  peer.ping("are you there?");
  expect(String((await answered)[0])).toBe("are you there?");
  expect(events).toEqual(["open", "a", "b".repeat(500)]);
});

it("ends when its server does, and says so once", async () => {
  const { peer, events } = await connected();
  const ended = once(peer, "close");
  peer.close(1001, "going away");
  expect((await ended)[0]).toBe(1001);
  await expect.poll(() => events).toEqual(["open", "closed"]);
});

it("tells where nobody listens", async () => {
  const events: string[] = [];
  const note = (what: string) => (): void => void events.push(what);
  const hooks = { open: note("open"), message: note("message"), refused: note("refused"), close: note("closed") };
  new LeanSocket({ port: await freePort(), path: "/ws", headers: {} }, hooks);
  await expect.poll(() => events).toEqual(["refused", "closed"]);
});
