import { FakeClock } from "@hearth/platform/testing";
import { describe, expect, it } from "vitest";
import { fakeProvider } from "../testing/fake-provider.js";
import type { EndedWatcher } from "../timeline/recent-requests.js";
import type { Timeline } from "../timeline/request-facts.js";
import { type LiveEvent, LiveFeed } from "./live-feed.js";

function setUp() {
  const clock = new FakeClock();
  const fleet = [fakeProvider("a"), fakeProvider("b")];
  const watching = new Set<EndedWatcher>();
  const feed = new LiveFeed({
    clock,
    directory: { providers: () => fleet.values() },
    timelines: {
      watch(ended) {
        watching.add(ended);
        return { [Symbol.dispose]: () => watching.delete(ended) };
      },
    },
    numbers: () => ({ requestsPerSecond: 1, tokensPerSecond: 2, ttftMs: undefined, errors: [] }),
    inFlight: () => 3,
    queued: () => 4,
  });
  const end = (count: number): void => {
    for (let n = 0; n < count; n++) for (const each of watching) each({ id: `req_${n}` } as unknown as Timeline);
  };
  const seen: LiveEvent[] = [];
  const types = () =>
    seen.splice(0).map((event) => (event.type === "provider" ? `${event.id} ${event.status}` : event.type));
  return { clock, fleet, feed, watching, end, seen, types };
}

describe("what is told live", () => {
  it("begins with how everything is, and goes on every 2 s with what has changed", () => {
    const { clock, fleet, feed, seen, types } = setUp();
    feed.subscribe((event) => seen.push(event));
    expect(seen).toMatchObject([
      {
        type: "snapshot",
        snapshot: { providers: { serving: 2, draining: 0, offline: 0 }, inFlight: 3, queued: 4, skipped: 0 },
      },
    ]);
    seen.splice(0);
    Object.assign(fleet[0] as object, { status: "draining" });
    fleet.splice(1, 1, fakeProvider("c"));
    clock.advance(2_000);
    expect(types()).toEqual(["a draining", "c serving", "b gone", "snapshot"]);
    clock.advance(2_000);
    expect(types()).toEqual(["snapshot"]);
  });

  it("is 20 requests a second, and how many more there were", () => {
    const { clock, feed, end, seen, types } = setUp();
    feed.subscribe((event) => seen.push(event));
    seen.splice(0);
    end(25);
    expect(types()).toHaveLength(20);
    clock.advance(1_000);
    end(1);
    expect(types()).toEqual(["request"]);
    clock.advance(1_000);
    expect(seen).toMatchObject([{ type: "snapshot", snapshot: { skipped: 5 } }]);
  });

  it("costs nothing while nobody watches", () => {
    const { clock, feed, watching, seen } = setUp();
    const one = feed.subscribe(() => {});
    const other = feed.subscribe((event) => seen.push(event));
    one[Symbol.dispose]();
    one[Symbol.dispose]();
    expect(watching.size).toBe(1);
    other[Symbol.dispose]();
    expect(watching.size).toBe(0);
    seen.splice(0);
    clock.advance(10_000);
    expect(seen).toEqual([]);
  });
});
