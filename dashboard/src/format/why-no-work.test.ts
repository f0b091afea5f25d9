import { expect, it } from "vitest";
import type { Provider } from "../api/types.js";
import { stateOf } from "./fleet-state.js";
import { whyNoWork } from "./why-no-work.js";

const machine = (facts: object, model: object = {}): Provider =>
  ({
    ...{ status: "serving", vitals: {}, reputation: { score: 100, reasons: {} } },
    models: [{ id: "qwen", in_flight: 0, slot: { state: "idle" }, ...model }],
    ...facts,
  }) as unknown as Provider;

it("says nothing of a machine that works, or that nothing speaks against", () => {
  expect(whyNoWork(machine({}))).toEqual([]);
  expect(whyNoWork(machine({ reputation: { score: 3 } }, { in_flight: 1 }))).toEqual([]);
});

it("says every reason that the machine itself has told", () => {
  const broken = machine(
    { vitals: { thermal: "critical" }, reputation: { score: 20 } },
    { slot: { state: "crashed" }, template_render_ok: false },
  );
  expect(whyNoWork(broken).map((reason) => reason.split(" ").slice(0, 3).join(" "))).toEqual([
    ...["qwen has crashed", "The backend refuses", "It is too", "Its record is"],
  ]);
  expect(whyNoWork(machine({ models: [] }))[0]).toContain("no model");
  expect(whyNoWork(machine({ status: "offline" }))).toHaveLength(1);
});

it("tells a machine in trouble from one that is free or busy", () => {
  expect(stateOf(machine({}))).toBe("idle");
  expect(stateOf(machine({}, { in_flight: 2 }))).toBe("busy");
  expect(stateOf(machine({}, { slot: { state: "crashed" } }))).toBe("troubled");
  expect(stateOf(machine({ vitals: { thermal: "critical" } }))).toBe("troubled");
  expect(stateOf(machine({ status: "draining" }))).toBe("draining");
});
