import { FakeClock } from "@hearth/platform/testing";
import { expect, it } from "vitest";
import type { Provider } from "../fleet/provider.js";
import { fakeProvider } from "../testing/fake-provider.js";
import { type FleetChanges, FleetFeed } from "./fleet-feed.js";

function setUp(ids: readonly string[]) {
  const clock = new FakeClock();
  const fleet = ids.map((id) => fakeProvider(id));
  let looks = 0;
  const providers = (): IterableIterator<Provider> => {
    looks += 1;
    return fleet.values();
  };
  const feed = new FleetFeed({ clock, directory: { providers } });
  const seen: FleetChanges[] = [];
  const change = (n: number, changes: object): void => void Object.assign(fleet[n] as object, changes);
  return { clock, fleet, feed, seen, change, looks: () => looks };
}

it("tells what has changed within a second at once, and nothing where nothing has", () => {
  const { clock, fleet, feed, seen, change } = setUp(["a", "b", "c"]);
  using _watching = feed.subscribe((changes) => seen.push(changes));
  clock.advance(5_000);
  expect(seen).toEqual([]);
  change(0, { status: "draining" });
  change(0, { status: "serving" });
  change(1, { status: "draining" });
  fleet.splice(2, 1, fakeProvider("d"));
  clock.advance(1_000);
  const machine = { in_flight: 0, troubled: false };
  expect(seen).toEqual([
    {
      machines: [
        { id: "b", status: "draining", ...machine },
        { id: "d", status: "serving", ...machine },
      ],
      gone: ["c"],
    },
  ]);
  change(0, { vitals: { thermal: "critical" } });
  clock.advance(1_000);
  expect(seen[1]?.machines).toEqual([{ id: "a", status: "serving", in_flight: 0, troubled: true }]);
});

it("tells of 1,000 machines at once, and of the others afterwards", () => {
  const { clock, fleet, feed, seen, change } = setUp(Array.from({ length: 2_500 }, (_, n) => `p${n}`));
  using _watching = feed.subscribe((changes) => seen.push(changes));
  for (const n of fleet.keys()) change(n, { status: "draining" });
  clock.advance(4_000);
  expect(seen.map(({ machines }) => machines.length)).toEqual([1_000, 1_000, 500]);
  expect(new Set(seen.flatMap(({ machines }) => machines.map(({ id }) => id))).size).toBe(2_500);
});

it("looks at nothing while nobody watches", () => {
  const { clock, feed, looks } = setUp(["a"]);
  clock.advance(10_000);
  expect(looks()).toBe(0);
  feed.subscribe(() => {})[Symbol.dispose]();
  const before = looks();
  clock.advance(10_000);
  expect(looks()).toBe(before);
  expect(clock.pending).toBe(0);
});
