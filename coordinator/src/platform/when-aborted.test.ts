import { getEventListeners } from "node:events";
import { expect, it } from "vitest";
import { whenAborted } from "./when-aborted.js";

it("calls everybody who listens once, and nobody who has gone", () => {
  const controller = new AbortController();
  const heard: string[] = [];
  whenAborted(controller.signal, () => heard.push("a"));
  const gone = whenAborted(controller.signal, () => heard.push("b"));
  whenAborted(controller.signal, () => heard.push("c"));
  whenAborted(new AbortController().signal, () => heard.push("d"));
  gone[Symbol.dispose]();
  controller.abort();
  controller.abort();
  expect(heard).toEqual(["a", "c"]);
});

it("has one listener at the signal, however many listen, and none when the last of them has gone", () => {
  const { signal } = new AbortController();
  const count = (): number => getEventListeners(signal, "abort").length;
  const all = [1, 2, 3].map(() => whenAborted(signal, () => undefined));
  expect(count()).toBe(1);
  for (const each of all) each[Symbol.dispose]();
  expect(count()).toBe(0);
  using _again = whenAborted(signal, () => undefined);
  expect(count()).toBe(1);
});
