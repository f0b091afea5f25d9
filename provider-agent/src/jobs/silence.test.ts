import { FakeClock } from "@hearth/platform/testing";
import { expect, it } from "vitest";
import { STALL_MS } from "./body-reader.js";
import { FIRST_BYTE_MS } from "./call-backend.js";
import { Silence } from "./silence.js";

function start() {
  const clock = new FakeClock();
  const stalls: number[] = [];
  return { clock, stalls, silence: new Silence(clock, { stalled: () => void stalls.push(clock.now()) }) };
}

it("is a stall after 600 s before the first content, and after 45 s behind it", () => {
  const before = start();
  before.clock.advance(FIRST_BYTE_MS - 1);
  expect(before.stalls).toEqual([]);
  before.clock.advance(1);
  expect(before.stalls).toEqual([FIRST_BYTE_MS]);
  const behind = start();
  behind.silence.content();
  behind.clock.advance(STALL_MS);
  expect(behind.stalls).toEqual([STALL_MS]);
});

it("is none for as long as something of the request's own moves", () => {
  const { clock, stalls, silence } = start();
  for (let i = 0; i < 10; i++) {
    clock.advance(FIRST_BYTE_MS - 1);
    silence.moved();
  }
  silence.content();
  for (let i = 0; i < 10; i++) {
    clock.advance(STALL_MS - 1);
    silence.moved();
  }
  expect(stalls).toEqual([]);
});

it("is put off once by what cannot be tied to the request, and again only after something of its own", () => {
  const { clock, stalls, silence } = start();
  silence.content();
  const stir = (): void => {
    clock.advance(STALL_MS - 1);
    silence.stirred();
  };
  stir();
  silence.moved();
  stir();
  expect(stalls).toEqual([]);
  stir();
  clock.advance(1);
  expect(stalls).toHaveLength(1);
});

it("does not grow while nobody listens, and is not cut short by it", () => {
  const { clock, stalls, silence } = start();
  silence.content();
  silence.listen();
  clock.advance(STALL_MS - 1);
  silence.rest();
  clock.advance(10 * STALL_MS);
  silence.listen();
  expect(stalls).toEqual([]);
  clock.advance(1);
  expect(stalls).toHaveLength(1);
});

it("does not begin to grow again with content that waits to be sent", () => {
  const { clock, stalls, silence } = start();
  silence.listen();
  silence.rest();
  silence.content();
  clock.advance(10 * STALL_MS);
  silence.moved();
  clock.advance(10 * STALL_MS);
  expect(stalls).toEqual([]);
  silence[Symbol.dispose]();
  expect(clock.pending).toBe(0);
});
