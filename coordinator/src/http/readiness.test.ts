import { FakeClock } from "@hearth/platform/testing";
import { beforeEach, expect, it } from "vitest";
import type { Trouble } from "../platform/health.js";
import { watchReadiness } from "./readiness.js";

let clock: FakeClock;
let directory: { size: number; expected: number };
let serving: boolean;
let troubles: Trouble[];
beforeEach(() => {
  clock = new FakeClock();
  directory = { size: 0, expected: 0 };
  serving = true;
  troubles = [];
});

const watch = (readyGraceMs: number) =>
  watchReadiness({ clock, directory, ready: () => serving, troubles: () => troubles, readyGraceMs });

it("is ready at once where nobody is expected", () => {
  expect(watch(15_000)()).toEqual({ status: "ready", providers: 0, expected: 0 });
});

it("is not ready without its store, and is as soon as that is back", () => {
  const readiness = watch(0);
  troubles = ["log_not_written", "store_away"];
  expect(readiness()).toEqual({ status: "without_store" });
  troubles = ["log_not_written", "store_not_written"];
  expect(readiness()).toEqual({ status: "ready", providers: 0, expected: 0 });
});

it("waits for the first machine that is expected, and says so", () => {
  directory.expected = 2;
  const readiness = watch(15_000);
  expect(readiness()).toEqual({ status: "waiting", expected: 2 });
  directory.size = 1;
  directory.expected = 1;
  expect(readiness()).toEqual({ status: "ready", providers: 1, expected: 1 });
  directory.size = 0;
  directory.expected = 2;
  expect(readiness()).toEqual({ status: "ready", providers: 0, expected: 2 });
});

it("gives up at the end of the grace, and says so until somebody comes", () => {
  directory.expected = 1;
  const readiness = watch(15_000);
  clock.advance(15_000);
  expect(readiness()).toEqual({ status: "ready", providers: 0, expected: 1, gave_up_waiting: true });
  directory.size = 1;
  directory.expected = 0;
  expect(readiness()).toEqual({ status: "ready", providers: 1, expected: 0 });
});

it("waits for nobody without a grace", () => {
  directory.expected = 1;
  expect(watch(0)()).toEqual({ status: "ready", providers: 0, expected: 1 });
});

it("is not ready on the way out", () => {
  const readiness = watch(15_000);
  serving = false;
  expect(readiness()).toEqual({ status: "draining" });
});
