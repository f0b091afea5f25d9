import { FakeClock } from "@hearth/platform/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { BatchWriter } from "./batch-writer.js";
import { createLogger } from "./logger.js";

const SETTINGS = { flushMs: 100, retryMs: 1_000, batch: 3, maxPending: 5 };

let clock: FakeClock;
let written: string[][];
let lost: number;
let broken: boolean;
let writer: BatchWriter<string>;

beforeEach(() => {
  clock = new FakeClock();
  written = [];
  lost = 0;
  broken = false;
  writer = new BatchWriter<string>(
    { clock, log: createLogger("silent"), what: "things" },
    {
      async write(items) {
        if (broken) throw new Error("away");
        written.push([...items]);
      },
      lost() {
        lost += 1;
      },
    },
    SETTINGS,
  );
});

const add = (...items: readonly string[]): void => {
  for (const item of items) writer.add(item, item);
};

describe("the batch writer", () => {
  it("writes together what came within the time of one batch", async () => {
    add("a", "b");
    expect(written).toEqual([]);
    clock.advance(SETTINGS.flushMs);
    await writer.flush();
    expect(written).toEqual([["a", "b"]]);
    expect(clock.pending).toBe(0);
  });

  it("writes no more at once than a batch, and all of it", async () => {
    add("a", "b", "c", "d", "e");
    await writer.flush();
    expect(written).toEqual([
      ["a", "b", "c"],
      ["d", "e"],
    ]);
  });

  it("finds what is not written yet, also while it is being written, and no more after that", async () => {
    add("a");
    expect(writer.held("a")).toBe("a");
    const flushed = writer.flush();
    await Promise.resolve();
    expect(writer.held("a")).toBe("a");
    await flushed;
    expect(writer.held("a")).toBeUndefined();
  });

  it("keeps what was not taken, in its order, and tries again later", async () => {
    broken = true;
    add("a", "b");
    await writer.flush();
    add("c");
    broken = false;
    clock.advance(SETTINGS.retryMs - 1);
    await Promise.resolve();
    expect(written).toEqual([]);
    clock.advance(1);
    await writer.flush();
    expect(written).toEqual([["a", "b", "c"]]);
    expect(lost).toBe(0);
  });

  it("holds no more than it may, and counts the others as lost", () => {
    add("a", "b", "c", "d", "e", "f", "g");
    expect(lost).toBe(2);
  });

  it("writes what is left when it stops, and takes nothing after that", async () => {
    add("a");
    expect(await writer.stop()).toBe(0);
    expect(written).toEqual([["a"]]);
    add("b");
    expect([lost, clock.pending]).toEqual([1, 0]);
  });

  it("says what it could not write when it stops", async () => {
    broken = true;
    add("a", "b", "c", "d");
    expect(await writer.stop()).toBe(4);
    expect([lost, clock.pending]).toEqual([4, 0]);
  });
});
