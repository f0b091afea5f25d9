import { FakeClock } from "@hearth/platform/testing";
import { describe, expect, it } from "vitest";
import { STALL_MS } from "./body-reader.js";
import { Liveness } from "./liveness.js";
import type { Sign } from "./signs-of-life.js";

function start() {
  const clock = new FakeClock();
  const told: Sign[] = [];
  let stalls = 0;
  const liveness = new Liveness(clock, {
    tell: (sign) => void told.push(sign),
    stalled: () => {
      stalls += 1;
    },
  });
  const silence = liveness.called();
  return { clock, told, liveness, silence, stalls: () => stalls };
}

const generating = (counter: number, by: number, scope: "request" | "server" = "request") =>
  ({ sign: "generating", counter, by, scope }) as const;

describe("the signs of a job", () => {
  it("count what came as content and what the backend was seen to write and held back, and never go back", () => {
    const { clock, told, liveness } = start();
    const second = (): void => clock.advance(1_000);
    liveness.content(3, true);
    second();
    // Of the forty that a slot has written by now, some have come.
    liveness.moved(generating(40, 20));
    second();
    liveness.moved(generating(60, 20));
    second();
    liveness.content(4, true);
    expect(told.map(({ counter }) => counter)).toEqual([3, 23, 43, 44]);
  });

  it("say nothing of content that the coordinator sees itself", () => {
    const { told, liveness } = start();
    liveness.content(3, false);
    expect(told).toEqual([]);
  });

  it("leave out a server's count of the prompt where the stream has its own", () => {
    const { clock, told, liveness } = start();
    const read = { sign: "prefilling", counter: 700, by: 200, scope: "request" } as const;
    liveness.moved(read);
    clock.advance(1_000);
    liveness.progress({ processed: 800, cached: 0, total: 900 });
    clock.advance(1_000);
    liveness.moved({ ...read, counter: 850 });
    expect(told.map(({ counter }) => counter)).toEqual([700, 800]);
  });

  it("hold a job for as long as its own counters move, and once by those of a server", () => {
    const { clock, told, liveness, stalls } = start();
    liveness.content(1, false);
    for (let counter = 2; counter < 60; counter += 2) {
      clock.advance(STALL_MS - 1);
      liveness.moved(generating(counter, 2));
    }
    expect(stalls()).toBe(0);
    clock.advance(STALL_MS - 1);
    liveness.moved(generating(900, 2, "server"));
    clock.advance(STALL_MS - 1);
    liveness.moved(generating(999, 2, "server"));
    expect(stalls()).toBe(0);
    clock.advance(1);
    expect(stalls()).toBe(1);
    expect(told.at(-1)).toEqual({ sign: "generating", counter: 999, scope: "server" });
  });

  it("are wanted from the backend only while it is listened to", () => {
    const { clock, liveness, silence } = start();
    clock.advance(500);
    expect(liveness.waitingSince).toBe(0);
    silence.rest();
    expect(liveness.waitingSince).toBeUndefined();
    liveness.content(1, false);
    silence.listen();
    expect(liveness.waitingSince).toBe(500);
  });
});
