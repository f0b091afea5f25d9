import { FakeClock } from "@hearth/platform/testing";
import type { ProviderId } from "@hearth/protocol";
import { pino } from "pino";
import { expect, it } from "vitest";
import { openMemoryStore } from "../store/sqlite/open-sqlite-store.js";
import { MachinePauses } from "./machine-pauses.js";

const MACHINE = { id: "prv_a" as ProviderId, account: "anna" };

it("is told of a pause that another coordinator has stored, and of its end", async () => {
  const clock = new FakeClock();
  const store = openMemoryStore();
  const told: string[] = [];
  const changed: string[] = [];
  const common = { clock, log: pino({ level: "silent" }), documents: store.documents };
  using here = await MachinePauses.open({ ...common, changed: () => {}, told: (id) => told.push(id) });
  using there = await MachinePauses.open({ ...common, changed: (id) => changed.push(id) });
  await here.pause(MACHINE, { reason: "moving house" });
  expect(there.of(MACHINE)).toBeUndefined();
  await there.reload();
  expect(there.of(MACHINE)).toEqual({ reason: "moving house" });
  await there.reload();
  await here.resume(MACHINE);
  await there.reload();
  expect(there.of(MACHINE)).toBeUndefined();
  expect(told).toEqual([MACHINE.id, MACHINE.id]);
  expect(changed).toEqual([MACHINE.id, MACHINE.id]);
  await store.close();
});
