import { FakeClock } from "@hearth/platform/testing";
import { expect, it } from "vitest";
import { NonceWindow } from "./nonce-window.js";

it("a nonce is used once within its window, and forgotten after it", () => {
  const clock = new FakeClock();
  const nonces = new NonceWindow(clock, 1_000);
  expect(nonces.use("a")).toBe(true);
  clock.advance(1_000);
  expect(nonces.use("a")).toBe(false);
  clock.advance(1);
  expect(nonces.use("a")).toBe(true);
  clock.advance(5_000);
  nonces.use("b");
  expect(nonces.size).toBe(1);
});

it("that is full forgets the oldest nonce, and refuses nobody a new one", () => {
  const nonces = new NonceWindow(new FakeClock(), 1_000, 2);
  expect(["a", "b", "c"].map((nonce) => nonces.use(nonce))).toEqual([true, true, true]);
  expect(nonces.size).toBe(2);
  expect(nonces.use("c")).toBe(false);
});
