import { describe, expect, it } from "vitest";
import { DecodeGate } from "./decode-gate.js";

async function hasPassed(passing: Promise<void>): Promise<boolean> {
  return Promise.race([passing.then(() => true), new Promise<false>((resolve) => setImmediate(() => resolve(false)))]);
}

describe("DecodeGate", () => {
  it("is open unless somebody works behind it, and stays closed until all of them are done", async () => {
    const gate = new DecodeGate();
    expect(await hasPassed(gate.pass())).toBe(true);
    const done: (() => void)[] = [];
    const works = [0, 1].map(() => gate.whileClosed(() => new Promise<void>((resolve) => done.push(resolve))));
    const passing = gate.pass();
    expect(await hasPassed(passing)).toBe(false);
    done[0]?.();
    await works[0];
    expect(await hasPassed(passing)).toBe(false);
    done[1]?.();
    await works[1];
    expect(await hasPassed(passing)).toBe(true);
  });

  it("opens again after work that failed, and passes its error and its result on", async () => {
    const gate = new DecodeGate();
    await expect(gate.whileClosed(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await gate.whileClosed(() => Promise.resolve(7))).toBe(7);
    expect(await hasPassed(gate.pass())).toBe(true);
  });
});
