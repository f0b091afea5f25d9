import { FakeClock } from "@hearth/platform/testing";
import { LIMITS, type ReceiptText } from "@hearth/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import { type AwaitedReceipt, AwaitedReceipts } from "./awaited-receipts.js";

const RECEIPT = { blob: "AAAA" } as ReceiptText;

let clock: FakeClock;
let awaited: AwaitedReceipts;
let told: string[];

beforeEach(() => {
  clock = new FakeClock();
  awaited = new AwaitedReceipts(clock);
  told = [];
});

const taker = (name: string): AwaitedReceipt => ({
  came: () => told.push(`${name} came`),
  missed: () => told.push(`${name} missed`),
});

describe("a receipt", () => {
  it("is taken by its own stream, once", () => {
    awaited.expect(1, taker("one"));
    awaited.expect(2, taker("two"));
    awaited.take(2)?.came(RECEIPT);
    expect(awaited.take(2)).toBeUndefined();
    expect(awaited.take(3)).toBeUndefined();
    awaited.take(1)?.came(RECEIPT);
    expect(told).toEqual(["two came", "one came"]);
    expect([awaited.size, clock.pending]).toEqual([0, 0]);
  });

  it("is waited for until its time is over, and no longer", () => {
    awaited.expect(1, taker("one"));
    clock.advance(1_000);
    awaited.expect(2, taker("two"));
    clock.advance(LIMITS.receiptWaitMs - 1_001);
    expect(told).toEqual([]);
    clock.advance(1);
    expect(told).toEqual(["one missed"]);
    expect(awaited.take(1)).toBeUndefined();
    clock.advance(1_000);
    expect(told).toEqual(["one missed", "two missed"]);
    expect(clock.pending).toBe(0);
  });

  it("is given up for the oldest stream when there are too many", () => {
    for (let stream = 1; stream <= LIMITS.receiptsAwaited; stream++) awaited.expect(stream, taker(`${stream}`));
    expect(told).toEqual([]);
    awaited.expect(99_999, taker("last"));
    expect(told).toEqual(["1 missed"]);
    expect(awaited.size).toBe(LIMITS.receiptsAwaited);
  });

  it("is missed when its connection ends", () => {
    awaited.expect(1, taker("one"));
    awaited.expect(2, taker("two"));
    awaited[Symbol.dispose]();
    expect(told).toEqual(["one missed", "two missed"]);
    expect(clock.pending).toBe(0);
  });

  it("that nobody wants is not waited for", () => {
    awaited.expect(1, undefined);
    expect([awaited.size, clock.pending]).toEqual([0, 0]);
  });
});
