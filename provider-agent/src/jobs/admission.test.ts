import { setImmediate as turn } from "node:timers/promises";
import { FakeClock } from "@hearth/platform/testing";
import { describe, expect, it } from "vitest";
import { Admission, type AdmissionLimits } from "./admission.js";

const clock = new FakeClock();
const never = new AbortController().signal;

/** Somebody at the door. */
function arrive(admission: Admission, model: string, signal: AbortSignal = never) {
  const guest: { place?: Disposable; error?: unknown; ahead: number[] } = { ahead: [] };
  const queued = (ahead: number): void => void guest.ahead.push(ahead);
  admission.enter(model, queued, signal).then(
    (place) => {
      guest.place = place;
    },
    (error: unknown) => {
      guest.error = error;
    },
  );
  return guest;
}

const open = (limits: Partial<AdmissionLimits>): Admission =>
  new Admission({ maxWaitMs: 10_000, maxWaiting: 8, ...limits }, clock);

describe("admission", () => {
  it("lets everybody in where there is no bound", async () => {
    const admission = open({});
    const guests = Array.from({ length: 100 }, () => arrive(admission, "m"));
    await turn();
    expect(guests.every(({ place }) => place !== undefined)).toBe(true);
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
    first.place?.[Symbol.dispose]();
    await turn();
    expect([second.ahead, fourth.ahead]).toEqual([[0], [2, 1, 0]]);
    second.place?.[Symbol.dispose]();
    await turn();
    fourth.place?.[Symbol.dispose]();
  });

  it("lets those who wait in, one for one, in the order in which they came", async () => {
    const admission = open({ maxConcurrency: 1 });
    const [first, second, third] = [arrive(admission, "m"), arrive(admission, "n"), arrive(admission, "m")];
    await turn();
    expect([first.place, second.place, third.place].map(Boolean)).toEqual([true, false, false]);
    expect([admission.waiting(), admission.waiting("m"), admission.waiting("n")]).toEqual([2, 1, 1]);
    first.place?.[Symbol.dispose]();
    // Disposing twice must not make two places of one.
    first.place?.[Symbol.dispose]();
    await turn();
    expect([second.place, third.place].map(Boolean)).toEqual([true, false]);
    second.place?.[Symbol.dispose]();
    await turn();
    expect(third.place).toBeDefined();
    third.place?.[Symbol.dispose]();
    expect(admission.waiting()).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it("does not let a full model keep those behind it from another", async () => {
    const admission = open({ maxConcurrency: 2, perModel: { big: 1 } });
    const big = arrive(admission, "big");
    const waiting = arrive(admission, "big");
    const small = arrive(admission, "small");
    const other = arrive(admission, "small");
    await turn();
    expect([big.place, waiting.place, small.place, other.place].map(Boolean)).toEqual([true, false, true, false]);
    small.place?.[Symbol.dispose]();
    await turn();
    expect([waiting.place, other.place].map(Boolean)).toEqual([false, true]);
    big.place?.[Symbol.dispose]();
    await turn();
    expect(waiting.place).toBeDefined();
  });

  it("refuses whom it would keep waiting for too long, and whom there is no room to wait for", async () => {
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
    first.place?.[Symbol.dispose]();
    expect(clock.pending).toBe(0);
  });

  it("gives the place of whoever goes away to the next", async () => {
    const admission = open({ maxConcurrency: 1 });
    const going = new AbortController();
    const first = arrive(admission, "m");
    const second = arrive(admission, "m", going.signal);
    const third = arrive(admission, "m");
    const gone = new Error("gone");
    going.abort(gone);
    await turn();
    expect(second.error).toBe(gone);
    expect(arrive(admission, "m", going.signal).place).toBeUndefined();
    first.place?.[Symbol.dispose]();
    await turn();
    expect(third.place).toBeDefined();
    expect(clock.pending).toBe(0);
  });
});
