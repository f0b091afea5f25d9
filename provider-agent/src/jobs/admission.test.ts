import { setImmediate as turn } from "node:timers/promises";
import { FakeClock } from "@hearth/platform/testing";
import { describe, expect, it } from "vitest";
import { Admission, type AdmissionLimits } from "./admission.js";

const clock = new FakeClock();
const never = new AbortController().signal;

/** A request that asks for a slot. */
function arrive(admission: Admission, model: string, signal: AbortSignal = never) {
  const request: { slot?: Disposable; error?: unknown; ahead: number[] } = { ahead: [] };
  const queued = (ahead: number): void => void request.ahead.push(ahead);
  admission.enter(model, { queued }, signal).then(
    (slot) => {
      request.slot = slot;
    },
    (error: unknown) => {
      request.error = error;
    },
  );
  return request;
}

const open = (limits: Partial<AdmissionLimits>): Admission =>
  new Admission({ maxWaitMs: 10_000, maxWaiting: 8, ...limits }, clock);

describe("admission", () => {
  it("lets everybody in where there is no bound", async () => {
    const admission = open({});
    const requests = Array.from({ length: 100 }, () => arrive(admission, "m"));
    await turn();
    expect(requests.every(({ slot }) => slot !== undefined)).toBe(true);
  });

  it("tells those who wait how many are ahead, whenever that changes", async () => {
    const admission = open({ maxConcurrency: 1 });
    const leaving = new AbortController();
    const first = arrive(admission, "m");
    const second = arrive(admission, "m");
    const third = arrive(admission, "m", leaving.signal);
    const fourth = arrive(admission, "m");
    await turn();
    expect([first.ahead, second.ahead, third.ahead, fourth.ahead]).toEqual([[], [0], [1], [2]]);
    leaving.abort(new Error("gone"));
    expect([second.ahead, fourth.ahead]).toEqual([[0], [2, 1]]);
    first.slot?.[Symbol.dispose]();
    await turn();
    expect([second.ahead, fourth.ahead]).toEqual([[0], [2, 1, 0]]);
    second.slot?.[Symbol.dispose]();
    await turn();
    fourth.slot?.[Symbol.dispose]();
  });

  it("lets those who wait in, one for one, in the order in which they came", async () => {
    const admission = open({ maxConcurrency: 1 });
    const [first, second, third] = [arrive(admission, "m"), arrive(admission, "n"), arrive(admission, "m")];
    await turn();
    expect([first.slot, second.slot, third.slot].map(Boolean)).toEqual([true, false, false]);
    expect([admission.waiting(), admission.waiting("m"), admission.waiting("n")]).toEqual([2, 1, 1]);
    first.slot?.[Symbol.dispose]();
    // Disposing twice must not make two slots of one.
    first.slot?.[Symbol.dispose]();
    await turn();
    expect([second.slot, third.slot].map(Boolean)).toEqual([true, false]);
    second.slot?.[Symbol.dispose]();
    await turn();
    expect(third.slot).toBeDefined();
    third.slot?.[Symbol.dispose]();
    expect(admission.waiting()).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it("tells when the first has a slot and when the last has given it back, and nothing in between", async () => {
    const told: boolean[] = [];
    const limits = { maxWaitMs: 10_000, maxWaiting: 8, maxConcurrency: 2 };
    const admission = new Admission(limits, clock, { busy: (isBusy) => void told.push(isBusy) });
    const requests = [arrive(admission, "m"), arrive(admission, "m"), arrive(admission, "m")];
    await turn();
    expect(told).toEqual([true]);
    for (const { slot } of requests.slice(0, 2)) slot?.[Symbol.dispose]();
    await turn();
    expect(told).toEqual([true]);
    requests[2]?.slot?.[Symbol.dispose]();
    expect(told).toEqual([true, false]);
    arrive(admission, "m");
    await turn();
    expect(told).toEqual([true, false, true]);
  });

  it("does not let a full model keep those behind it from another", async () => {
    const admission = open({ maxConcurrency: 2, perModel: { big: 1 } });
    const big = arrive(admission, "big");
    const waiting = arrive(admission, "big");
    const small = arrive(admission, "small");
    const other = arrive(admission, "small");
    await turn();
    expect([big.slot, waiting.slot, small.slot, other.slot].map(Boolean)).toEqual([true, false, true, false]);
    small.slot?.[Symbol.dispose]();
    await turn();
    expect([waiting.slot, other.slot].map(Boolean)).toEqual([false, true]);
    big.slot?.[Symbol.dispose]();
    await turn();
    expect(waiting.slot).toBeDefined();
  });

  it("refuses a request that would wait too long, or behind too many others", async () => {
    const admission = open({ maxConcurrency: 1, maxWaiting: 1 });
    const first = arrive(admission, "m");
    const second = arrive(admission, "m");
    const third = arrive(admission, "m");
    await turn();
    const refusal = { told: { code: "capacity", progress: "not_started" } };
    expect(third.error).toMatchObject(refusal);
    clock.advance(9_999);
    await turn();
    expect(second.error).toBeUndefined();
    clock.advance(1);
    await turn();
    expect(second.error).toMatchObject(refusal);
    expect(admission.waiting()).toBe(0);
    first.slot?.[Symbol.dispose]();
    expect(clock.pending).toBe(0);
  });

  it("gives the slot of a request that is cancelled to the next", async () => {
    const admission = open({ maxConcurrency: 1 });
    const going = new AbortController();
    const first = arrive(admission, "m");
    const second = arrive(admission, "m", going.signal);
    const third = arrive(admission, "m");
    const gone = new Error("gone");
    going.abort(gone);
    await turn();
    expect(second.error).toBe(gone);
    expect(arrive(admission, "m", going.signal).slot).toBeUndefined();
    first.slot?.[Symbol.dispose]();
    await turn();
    expect(third.slot).toBeDefined();
    expect(clock.pending).toBe(0);
  });
});
