import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { FakeClock } from "@hearth/platform/testing";
import { encodeControl, LIMITS, SUBPROTOCOL } from "@hearth/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { createLogger } from "../platform/logger.js";
import { eventually } from "../testing/eventually.js";
import { CONNECT_TIMEOUT_MS, SILENCE_LIMIT_MS, WebSocketConnection } from "./web-socket-connection.js";

let server: WebSocketServer;
let peer: WebSocket | undefined;

beforeEach(async () => {
  server = new WebSocketServer({ host: "127.0.0.1", port: 0, handleProtocols: () => SUBPROTOCOL });
  peer = undefined;
  server.on("connection", (socket) => {
    peer = socket;
  });
  await once(server, "listening");
});

afterEach(async () => {
  for (const client of server.clients) client.terminate();
  await new Promise((resolve) => server.close(resolve));
});

interface Dialled {
  readonly connection: WebSocketConnection;
  readonly clock: FakeClock;
  readonly told: string[];
}

async function dial(): Promise<Dialled> {
  const clock = new FakeClock();
  const told: string[] = [];
  const connection = new WebSocketConnection(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, {
    clock,
    log: createLogger("silent"),
    hooks: {
      open: () => told.push("open"),
      control: (frame) => told.push(frame.type),
      data: () => told.push("data"),
      closed: (code, problem) => told.push(`closed ${code} ${problem ?? ""}`.trim()),
    },
  });
  await eventually(() => told.includes("open") && peer !== undefined);
  return { connection, clock, told };
}

const REGISTERED = encodeControl({ type: "registered", version: 2, provider_id: "p", heartbeat_interval_ms: 5_000 });

async function register(dialled: Dialled): Promise<void> {
  peer?.send(REGISTERED);
  await eventually(() => dialled.told.includes("registered"));
}

describe("a connection", () => {
  it("is given up when the coordinator reads nothing and ever more waits for it", async () => {
    const dialled = await dial();
    await register(dialled);
    peer?.pause();
    for (let sent = 0; sent < 64; sent++) dialled.connection.sendData(new Uint8Array(LIMITS.frameBytes));
    // Nobody answers the close frame; the silence would be noticed much later.
    await eventually(() => {
      dialled.clock.advance(10);
      return dialled.told.length === 3 || dialled.clock.now() > SILENCE_LIMIT_MS / 2;
    });
    expect(dialled.told[2]).toMatch(/^closed/);
    expect(dialled.clock.pending).toBe(0);
  });

  it("is given up when no registration comes in time, however much the coordinator pings", async () => {
    const { clock, told } = await dial();
    clock.advance(CONNECT_TIMEOUT_MS - 1);
    peer?.ping();
    await once(peer as WebSocket, "pong");
    expect(told).toEqual(["open"]);
    clock.advance(1);
    await eventually(() => told.length === 2);
    expect(told[1]).toBe("closed 1006 not registered in time");
    expect(clock.pending).toBe(0);
  });

  it("is given up after silence, where a ping is no silence", async () => {
    const dialled = await dial();
    const { clock, told } = dialled;
    await register(dialled);
    clock.advance(SILENCE_LIMIT_MS - 1);
    peer?.ping();
    await once(peer as WebSocket, "pong");
    clock.advance(SILENCE_LIMIT_MS - 1);
    expect(told).toHaveLength(2);
    clock.advance(1);
    await eventually(() => told.length === 3);
    expect(told[2]).toBe("closed 1006 coordinator silent");
    expect(clock.pending).toBe(0);
  });

  it("hears nothing more once it has said goodbye", async () => {
    const dialled = await dial();
    const { connection, clock, told } = dialled;
    await register(dialled);
    connection.close("protocol_violation");
    peer?.send(REGISTERED);
    connection.send({ type: "drain" });
    await eventually(() => told.length === 3);
    expect(told[2]).toBe("closed 4422");
    expect(clock.pending).toBe(0);
  });

  it("is cut when the coordinator does not answer the goodbye", async () => {
    const dialled = await dial();
    const { connection, clock, told } = dialled;
    await register(dialled);
    peer?.pause();
    connection.close("normal");
    clock.advance(1_000);
    await eventually(() => told.length === 3);
    expect(told[2]).toMatch(/^closed 1006/);
    expect(clock.pending).toBe(0);
  });

  it("says when too much waits to be sent, and when there is room again", async () => {
    const dialled = await dial();
    const { connection } = dialled;
    await register(dialled);
    peer?.pause();
    const frame = new Uint8Array(LIMITS.responseChunkBytes);
    let frames = 0;
    await eventually(() => {
      connection.sendData(frame);
      frames += 1;
      return connection.congested;
    });
    let resumed = 0;
    const resume = (): void => {
      resumed += 1;
    };
    connection.onWritable(resume);
    connection.onWritable(resume);
    expect(resumed).toBe(0);
    peer?.resume();
    await eventually(() => resumed > 0);
    expect(resumed).toBe(1);
    expect(connection.congested).toBe(false);
    expect(frames * frame.length).toBeGreaterThan(LIMITS.backlogStopsDispatchBytes);
  });

  it("confirms only when the coordinator has read what was sent before", async () => {
    const dialled = await dial();
    const { connection } = dialled;
    await register(dialled);
    const order: string[] = [];
    peer?.on("message", () => order.push("drain read"));
    connection.send({ type: "drain" });
    connection.confirm(() => order.push("confirmed"));
    await eventually(() => order.length === 2);
    expect(order).toEqual(["drain read", "confirmed"]);
  });

  it("that is asked for a sign of life lives on when it gives one, and ends when it does not", async () => {
    const dialled = await dial();
    const { connection, clock, told } = dialled;
    await register(dialled);
    let alive = false;
    connection.verify(5_000);
    connection.confirm(() => {
      alive = true;
    });
    await eventually(() => alive);
    clock.advance(5_000);
    expect(told).toEqual(["open", "registered"]);
    peer?.pause();
    connection.verify(5_000);
    clock.advance(4_999);
    expect(told).toHaveLength(2);
    clock.advance(1);
    await eventually(() => told.length === 3);
    expect(told[2]).toBe("closed 1006 no answer to a ping");
    expect(clock.pending).toBe(0);
  });

  it("ignores frames of a type it does not know", async () => {
    const dialled = await dial();
    await register(dialled);
    peer?.send(JSON.stringify({ type: "new_in_v2", anything: 1 }));
    peer?.send(encodeControl({ type: "cancel", stream: 1, reason: "deadline" }));
    await eventually(() => dialled.told.includes("cancel"));
    expect(dialled.told).toEqual(["open", "registered", "cancel"]);
  });
});
