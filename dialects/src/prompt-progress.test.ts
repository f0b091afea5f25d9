import { expect, it } from "vitest";
import { hasMoved, progressInComment, progressInEvent } from "./prompt-progress.js";

it("reads what llama-server says in an event, and nothing else", () => {
  const event = { choices: [], prompt_progress: { total: 1_509, cache: 8, processed: 512, time_ms: 120 } };
  expect(progressInEvent(event)).toEqual({ processed: 512, cached: 8, total: 1_509 });
  expect(progressInEvent({ prompt_progress: { total: 9, processed: 3 } })).toEqual({
    processed: 3,
    cached: 0,
    total: 9,
  });
  for (const other of [
    null,
    [],
    "x",
    {},
    { prompt_progress: null },
    { prompt_progress: { total: 9, processed: -1 } },
  ]) {
    expect(progressInEvent(other)).toBeUndefined();
  }
});

it("reads a comment that counts tokens of a prompt, and none that counts something else", () => {
  expect(progressInComment(": keepalive 2048/60000\n\n")).toEqual({ processed: 2_048, cached: 0, total: 60_000 });
  const others = [
    ": keepalive",
    ": keepalive 1790000000",
    ": keepalive 9/3",
    ": ping 2/3",
    ": keepalive 2/3 left",
    ":",
  ];
  for (const other of others) expect(progressInComment(`${other}\n\n`)).toBeUndefined();
});

it("takes for movement what was read, and neither what was cached nor the end", () => {
  const of = (processed: number): boolean => hasMoved({ processed, cached: 8, total: 100 });
  expect([0, 8, 9, 99, 100].map(of)).toEqual([false, false, true, true, false]);
});
