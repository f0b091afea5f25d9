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

it("adds one listener to the signal, however many listen", () => {
  const { signal } = new AbortController();
  let added = 0;
  const { addEventListener } = signal;
  signal.addEventListener = (...listener: unknown[]) => {
    added += 1;
    Reflect.apply(addEventListener, signal, listener);
  };
  for (let n = 0; n < 3; n++) whenAborted(signal, () => undefined);
  expect(added).toBe(1);
});
