import { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";
import { FakeClock } from "@hearth/platform/testing";
import { expect, it } from "vitest";
import { Presence } from "./presence.js";

function present(destroyed = false) {
  const response = Object.assign(new EventEmitter(), { destroyed });
  const shutdown = new AbortController();
  const clock = new FakeClock();
  const presence = new Presence(response as unknown as ServerResponse, shutdown.signal, clock);
  return { response, shutdown, clock, presence, reason: () => presence.signal.reason as unknown };
}

it("ends with the consumer's connection, or with the coordinator", () => {
  const gone = present();
  gone.response.emit("close");
  expect(gone.reason()).toBe("consumer_gone");
  const stopped = present();
  stopped.shutdown.abort();
  expect(stopped.reason()).toBe("shutdown");
  expect(present(true).reason()).toBe("consumer_gone");
});

it("lingers for who may come back, and on for as long as somebody waits", () => {
  const { response, clock, presence, reason } = present();
  let wanted = true;
  presence.linger(1_000, () => wanted);
  clock.advance(5_000);
  response.emit("close");
  clock.advance(1_999);
  wanted = false;
  expect(reason()).toBeUndefined();
  clock.advance(1);
  expect(reason()).toBe("consumer_gone");
  expect(clock.pending).toBe(0);
});

it("lingers for nobody when the coordinator stops, and leaves nothing behind", () => {
  const { response, shutdown, clock, presence, reason } = present();
  presence.linger(1_000, () => true);
  response.emit("close");
  shutdown.abort();
  expect(reason()).toBe("shutdown");
  presence[Symbol.dispose]();
  expect([clock.pending, response.listenerCount("close")]).toEqual([0, 0]);
});
