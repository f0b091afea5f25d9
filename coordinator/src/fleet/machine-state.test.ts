import { FakeClock } from "@hearth/platform/testing";
import type { HeartbeatFrame, RegisterFrame } from "@hearth/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import { fakeModel, fakeSlot } from "../testing/fake-provider.js";
import { registerFrame } from "../testing/register-frame.js";
import { MachineState } from "./machine-state.js";
import { EMPTY_MANIFEST, NO_RULES } from "./trust/runtime-manifest.js";

const GOOD = "a".repeat(64);

let clock: FakeClock;
let freed: string[];
beforeEach(() => {
  clock = new FakeClock();
  freed = [];
});

function machine(name = "m", changes: Partial<RegisterFrame> = {}): MachineState {
  return new MachineState(registerFrame({ models: [fakeModel()], ...changes }), clock, () => freed.push(name));
}

const heartbeat = (changes: Partial<HeartbeatFrame> = {}): HeartbeatFrame => ({
  type: "heartbeat",
  slots: [],
  ...changes,
});

describe("a machine's state", () => {
  it("is what it said when it registered, until it says more", () => {
    const state = machine("m", { slots: [fakeSlot({ state: "idle" })], private_only: true });
    clock.advance(5_000);
    expect([...state.models.keys()]).toEqual(["m"]);
    expect(state.slots.get("m")?.state).toBe("idle");
    expect(state.vitals).toEqual({});
    expect(state.availableTo).toBe("owner");
    expect(clock.now() - state.lastHeartbeatAt).toBe(5_000);
  });

  it("is that of its last heartbeat as a whole: what that does not say is not known any more", () => {
    const state = machine();
    state.report(heartbeat({ slots: [fakeSlot({ running: 2 })], cpu_load: 0.5, thermal: "fair", paused: true }));
    expect(state.vitals).toEqual({ cpu_load: 0.5, thermal: "fair" });
    expect(state.availableTo).toBe("nobody");
    expect(state.load("m")).toBe(2);
    clock.advance(5_000);
    state.report(heartbeat({ gpu_load: 0.25 }));
    expect(state.vitals).toEqual({ gpu_load: 0.25 });
    expect(state.availableTo).toBe("everyone");
    expect(state.slots.size).toBe(0);
    expect(state.load("m")).toBe(0);
    expect(state.lastHeartbeatAt).toBe(clock.now());
  });

  it("names the models of its last list, and no others", () => {
    const state = machine();
    state.name([fakeModel({ id: "a" }), fakeModel({ id: "b" })]);
    expect([...state.models.keys()]).toEqual(["a", "b"]);
  });

  it("counts our slots with what they promise, and tells when one is given back", () => {
    const state = machine();
    clock.advance(1);
    const slot = state.acquire("m", 100);
    expect([state.inFlight("m"), state.load("m")]).toEqual([1, 1]);
    expect([state.tokensAhead("m"), state.unreportedTokens("m")]).toEqual([100, 100]);
    clock.advance(1);
    state.report(heartbeat({ slots: [fakeSlot({ running: 3 })] }));
    expect([state.inFlight("m"), state.load("m")]).toEqual([1, 3]);
    expect([state.tokensAhead("m"), state.unreportedTokens("m")]).toEqual([0, 0]);
    slot[Symbol.dispose]();
    expect(freed).toEqual(["m"]);
    expect(state.inFlight("m")).toBe(0);
  });
});

describe("the state of a machine that has connected anew while an older connection finishes", () => {
  it("has the older one's slots, and what its own slots show beyond them", () => {
    const older = machine("older");
    const slot = older.acquire("m", 100);
    const newer = machine("newer", { slots: [fakeSlot({ running: 3 })] });
    newer.succeed(older);
    expect([newer.inFlight("m"), newer.load("m")]).toEqual([1, 3]);
    expect([older.inFlight("m"), older.load("m")]).toEqual([0, 0]);
    slot[Symbol.dispose]();
    expect(newer.inFlight("m")).toBe(0);
    // Who waits for a slot waits for one of the newer.
    expect(freed).toEqual(["newer"]);
  });

  it("is not changed by what the older one still hears", () => {
    const older = machine("older");
    const newer = machine("newer");
    newer.succeed(older);
    clock.advance(5_000);
    older.report(heartbeat({ slots: [fakeSlot({ running: 9 })] }));
    expect(newer.load("m")).toBe(0);
    expect(clock.now() - newer.lastHeartbeatAt).toBe(5_000);
  });
});

describe("the verdict on what a machine runs", () => {
  const rules = { ...NO_RULES, manifest: { ...EMPTY_MANIFEST, binaries: [GOOD] } };

  it("is told when it is another than before, and says which models it concerns", () => {
    const state = machine();
    expect(state.judgeRuntime(NO_RULES, undefined)).toBeUndefined();
    expect(state.judgeRuntime(rules, "b".repeat(64))).toMatchObject({ verified: false });
    expect(state.runtimeUnverified("m")).toBe(true);
    expect(state.judgeRuntime(rules, "b".repeat(64))).toBeUndefined();
    expect(state.judgeRuntime(rules, GOOD)).toMatchObject({ verified: true });
    expect(state.runtimeUnverified("m")).toBe(false);
  });

  it("is about the models that it names now", () => {
    const state = machine();
    const models = { n: { weights: [GOOD], templates: [] } };
    const strict = { ...NO_RULES, manifest: { ...EMPTY_MANIFEST, models } };
    expect(state.judgeRuntime(strict, undefined)).toBeUndefined();
    state.name([fakeModel({ id: "n", weights_hash: "b".repeat(64) })]);
    expect(state.judgeRuntime(strict, undefined)).toMatchObject({ verified: false });
    expect(state.runtimeUnverified("n")).toBe(true);
  });
});
