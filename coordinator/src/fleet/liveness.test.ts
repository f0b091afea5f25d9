import { EventEmitter } from "node:events";
import { Rounds } from "@hearth/platform";
import { FakeClock } from "@hearth/platform/testing";
import { LIMITS } from "@hearth/protocol";
import { beforeEach, expect, it } from "vitest";
import type { WebSocket } from "ws";
import { Liveness } from "./liveness.js";

/** A socket whose other end answers a ping or does not. */
class FakeSocket extends EventEmitter {
  pings = 0;
  answers = true;

  ping(): void {
    this.pings += 1;
    if (this.answers) this.emit("pong");
  }
}

let clock: FakeClock;
let socket: FakeSocket;
let deaths: number;
let watch: Liveness;
beforeEach(() => {
  clock = new FakeClock();
  socket = new FakeSocket();
  deaths = 0;
  const rounds = new Rounds(clock, LIMITS.pingIntervalMs);
  watch = new Liveness(socket as unknown as WebSocket, rounds, () => {
    deaths += 1;
    watch[Symbol.dispose]();
  });
});

const intervals = (count: number): void => clock.advance(count * LIMITS.pingIntervalMs);

it("pings once an interval for as long as the peer answers", () => {
  intervals(100);
  expect(socket.pings).toBe(100);
  expect(deaths).toBe(0);
});

it("pings nobody who sends something himself, and begins when that ends", () => {
  for (let i = 0; i < 50; i++) {
    clock.advance(LIMITS.pingIntervalMs / 2);
    watch.sent();
    clock.advance(LIMITS.pingIntervalMs / 2);
  }
  expect(socket.pings).toBe(0);
  socket.answers = false;
  intervals(LIMITS.missedPongs - 1);
  expect({ pings: socket.pings, deaths }).toEqual({ pings: 1, deaths: 0 });
  intervals(1);
  expect(deaths).toBe(1);
});

it("calls a peer dead at its second miss, and not at its first", () => {
  intervals(1);
  socket.answers = false;
  intervals(2);
  expect(socket.pings).toBe(3);
  expect(deaths).toBe(0);
  intervals(1);
  expect(deaths).toBe(1);
});

it("forgives a single miss, however often", () => {
  for (let i = 0; i < 50; i++) {
    socket.answers = i % 2 === 0;
    intervals(1);
  }
  expect(deaths).toBe(0);
});

it("takes a late answer for an answer", () => {
  socket.answers = false;
  intervals(2);
  clock.advance(LIMITS.pingIntervalMs - 1);
  socket.emit("pong");
  clock.advance(1);
  expect(deaths).toBe(0);
});

it("leaves no timer and no listener when it is disposed, and says nothing more", () => {
  socket.answers = false;
  intervals(1);
  watch[Symbol.dispose]();
  intervals(10);
  expect({ deaths, timers: clock.pending, listeners: socket.listenerCount("pong") }).toEqual({
    deaths: 0,
    timers: 0,
    listeners: 0,
  });
});
