import { FakeClock } from "@hearth/platform/testing";
import type { ProviderId } from "@hearth/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MachineWatch } from "./machine-watch.js";
import { ModelOutages } from "./model-outages.js";
import type { Notice } from "./notices.js";
import { DEFAULT_NOTIFICATIONS } from "./settings.js";

const MINUTE_MS = 60_000;

let clock: FakeClock;
let told: Notice[];
let watched: Disposable;
const notices = { tell: (notice: Notice) => void told.push(notice) };
const settings = () => DEFAULT_NOTIFICATIONS;

beforeEach(() => {
  clock = new FakeClock();
  told = [];
});

afterEach(() => {
  watched[Symbol.dispose]();
  expect(clock.pending).toBe(0);
});

const kinds = (): readonly string[] => told.map(({ kind }) => kind);

describe("a model's outage", () => {
  let served: boolean;
  let outages: ModelOutages;

  beforeEach(() => {
    served = false;
    outages = new ModelOutages({ clock, notices, settings, isServed: () => served });
    watched = outages;
  });

  it("is told when nobody could serve it for long enough, with how many were refused", () => {
    outages.refused("m", "no_provider");
    outages.refused("m", "no_provider");
    clock.advance(5 * MINUTE_MS - 1);
    expect(told).toEqual([]);
    clock.advance(1);
    const data = { model: "m", refused: 2, minutes: 5 };
    expect(told).toEqual([{ kind: "model.outage", subject: "model/m", data }]);
    clock.advance(60 * MINUTE_MS);
    expect(told).toHaveLength(1);
  });

  it("is over with the first answer, before it is one, too", () => {
    outages.refused("m", "providers_cooling");
    clock.advance(MINUTE_MS);
    outages.answered("m");
    clock.advance(10 * MINUTE_MS);
    expect(kinds()).not.toContain("model.outage");
    outages.refused("m", "no_provider");
    clock.advance(7 * MINUTE_MS);
    outages.answered("m");
    expect(told.slice(-2)).toMatchObject([{ kind: "model.outage" }, { kind: "model.recovered", data: { minutes: 7 } }]);
    expect(told.at(-1)?.isEnd).toBe(true);
  });

  it("is over when a machine is here for it and nobody is refused any more", () => {
    outages.refused("m", "no_provider");
    clock.advance(6 * MINUTE_MS);
    served = true;
    clock.advance(MINUTE_MS);
    expect(kinds()).toEqual(["model.outage", "model.recovered"]);
  });

  it("is none where a machine came before it was one", () => {
    outages.refused("m", "no_provider");
    served = true;
    clock.advance(60 * MINUTE_MS);
    expect(kinds()).not.toContain("model.outage");
  });

  it("is one where all machines are cooled for long enough", () => {
    served = true;
    for (let minute = 0; minute <= 6; minute++) {
      outages.refused("m", "providers_cooling");
      clock.advance(MINUTE_MS);
    }
    expect(kinds()).toEqual(["model.outage"]);
  });

  it("is not what callers bring about", () => {
    served = true;
    for (let minute = 0; minute < 20; minute++) {
      for (const code of ["no_provider", "invalid_request", "insufficient_quota"]) outages.refused("m", code);
      clock.advance(MINUTE_MS);
    }
    expect(told).toEqual([]);
  });
});

describe("a machine", () => {
  const MACHINE = { id: "p1" as unknown as ProviderId, name: "attic", account: "anna" };
  let connected: boolean;
  let machines: MachineWatch;

  beforeEach(() => {
    connected = false;
    machines = new MachineWatch({ clock, notices, settings, isConnected: () => connected, expectedBackMs: 120_000 });
    watched = machines;
  });

  it("that is away for long enough is offline, told once, and told when it is back", () => {
    machines.left(MACHINE, false);
    clock.advance(10 * MINUTE_MS - 1);
    expect(told).toEqual([]);
    clock.advance(1);
    const data = { machine: "p1", name: "attic", account: "anna", minutes: 10 };
    expect(told).toEqual([{ kind: "machine.offline", subject: "machine/p1", isEnd: false, data }]);
    clock.advance(600 * MINUTE_MS);
    machines.came(MACHINE);
    expect(told.slice(1)).toMatchObject([{ kind: "machine.back", isEnd: true, data: { minutes: 610 } }]);
  });

  it("that comes back within the time has not been offline", () => {
    machines.left(MACHINE, false);
    clock.advance(9 * MINUTE_MS);
    machines.came(MACHINE);
    clock.advance(60 * MINUTE_MS);
    expect(kinds()).not.toContain("machine.offline");
  });

  it("that has another connection is not away", () => {
    connected = true;
    machines.left(MACHINE, false);
    clock.advance(60 * MINUTE_MS);
    expect(told).toEqual([]);
  });

  it("that is fenced is told at once, and is not offline besides", () => {
    machines.left(MACHINE, true);
    expect(kinds()).toEqual(["machine.fenced"]);
    clock.advance(60 * MINUTE_MS);
    expect(kinds()).toEqual(["machine.fenced"]);
  });

  it("that leaves anew is waited for anew", () => {
    machines.left(MACHINE, false);
    clock.advance(9 * MINUTE_MS);
    machines.left(MACHINE, false);
    machines.left({ ...MACHINE, id: "p2" as unknown as ProviderId }, false);
    clock.advance(9 * MINUTE_MS);
    expect(told).toEqual([]);
    clock.advance(MINUTE_MS);
    expect(told.map(({ subject }) => subject)).toEqual(["machine/p1", "machine/p2"]);
  });
});
