import { FakeClock } from "@hearth/platform/testing";
import { expect, it } from "vitest";
import { fakeExpecting } from "../testing/fake-expecting.js";
import { fakeBreaker, fakeDirectory, fakeModel, fakeProvider, fakeSlot } from "../testing/fake-provider.js";
import { DEFAULT_CATALOG } from "./catalog.js";
import { EligibilityReader } from "./eligibility.js";
import { DEFAULT_SELECTION } from "./settings.js";

const holding = (slot: Parameters<typeof fakeSlot>[0]) => ({ slots: new Map([["m", fakeSlot(slot)]]) });

const FULL = { ...holding({ max_concurrency: 1 }), load: () => 1 };

function readerOf(fleet: readonly ReturnType<typeof fakeProvider>[]) {
  const clock = new FakeClock();
  let compared = 0;
  const directory = fakeDirectory(fleet);
  const reader = new EligibilityReader({
    directory: {
      providers: () => fleet.values(),
      link: (id) => fleet.find((each) => each.id === id),
      serving(model) {
        compared += 1;
        return directory.serving(model);
      },
    },
    catalog: () => DEFAULT_CATALOG,
    settings: () => DEFAULT_SELECTION,
    health: fakeBreaker(),
    expecting: fakeExpecting(),
    clock,
  });
  return { reader, clock, compared: () => compared };
}

it("tells which gates are closed, or who is better by what", () => {
  const [idle, busy] = [fakeProvider("idle", holding({})), fakeProvider("busy", holding({ queued: 2 }))];
  const full = fakeProvider("full", FULL);
  const { reader } = readerOf([idle, busy, full]);
  const [first] = reader.of(idle.id);
  expect(first).toMatchObject({ model: "m", gates: [], score: { rank: 1, able: 2 } });
  expect(first?.score).not.toHaveProperty("term");
  const [second] = reader.of(busy.id);
  expect(second?.score).toMatchObject({ rank: 2, able: 2, best_ms: first?.score?.total_ms, term: "queue" });
  expect(second?.score?.term_ms).toBeGreaterThan(0);
  expect(reader.of(full.id)).toEqual([{ model: "m", gates: ["no_headroom"] }]);
  expect(reader.of("nobody" as never)).toEqual([]);
});

it("says whether a gate has opened or closed without a look at others", () => {
  const [idle, full] = [fakeProvider("idle"), fakeProvider("full", FULL)];
  const { reader, compared } = readerOf([idle, full]);
  expect(reader.gates(idle.id)).not.toBe(reader.gates(full.id));
  expect(reader.gates("nobody" as never)).toBeUndefined();
  const before = reader.gates(idle.id);
  expect(reader.gates(idle.id)).toBe(before);
  idle.models = new Map([["n", fakeModel({ id: "n" })]]);
  expect(reader.gates(idle.id)).not.toBe(before);
  expect(compared()).toBe(0);
});

it("compares the machines of a model once for all of them that ask within a moment", () => {
  const fleet = Array.from({ length: 50 }, (_, n) => fakeProvider(`p${n}`));
  const { reader, clock, compared } = readerOf(fleet);
  for (const { id } of fleet) reader.of(id);
  const once = compared();
  for (const { id } of fleet) reader.of(id);
  expect(compared() - once).toBe(50);
  clock.advance(10_000);
  for (const { id } of fleet) reader.of(id);
  expect(compared() - once).toBe(101);
});
