import { describe, expect, it } from "vitest";
import { Advertiser, PROBE_MS, PROBE_TIMEOUT_MS } from "./advertiser.js";
import type { Backend, BackendStatus } from "./backends/backend.js";
import { createLogger } from "./platform/logger.js";
import { VirtualClock } from "./testing/virtual-clock.js";

const GONE: BackendStatus = { type: "unreachable", problem: "ECONNREFUSED" };
const model = (id: string) => ({ id, capabilities: {} });

function start(expected: readonly string[] = []) {
  const world = { status: GONE as BackendStatus | "hangs", ours: 0, told: [] as string[], probes: 0 };
  const clock = new VirtualClock();
  const backend: Pick<Backend, "name" | "probe"> = {
    name: "b",
    probe: (signal) => {
      world.probes += 1;
      const { status } = world;
      if (status !== "hangs") return Promise.resolve(status);
      return new Promise((resolve) => signal.addEventListener("abort", () => resolve(GONE)));
    },
  };
  const advertiser = new Advertiser({
    backend: backend as Backend,
    expected,
    clock,
    log: createLogger("silent"),
    running: () => world.ours,
    changed: (what) => world.told.push(what),
  });
  return { world, clock, advertiser, signal: new AbortController() };
}

describe("advertising", () => {
  it("believes in the models that the owner named while the backend is away", async () => {
    const { advertiser, signal } = start(["a"]);
    await advertiser.refresh(signal.signal);
    expect(advertiser.models).toEqual([model("a")]);
    expect(advertiser.slots()).toMatchObject([{ model: "a", state: "crashed" }]);
  });

  it("tells when models come, when the backend goes, and nothing when nothing changed", async () => {
    const { world, advertiser, signal } = start();
    world.status = { type: "reachable", models: [model("a")] };
    await advertiser.refresh(signal.signal);
    await advertiser.refresh(signal.signal);
    expect(world.told).toEqual(["models"]);
    world.status = GONE;
    await advertiser.refresh(signal.signal);
    expect(world.told).toEqual(["models", "slots"]);
    expect(advertiser.models).toEqual([model("a")]);
    expect(advertiser.slots()).toMatchObject([{ model: "a", state: "crashed" }]);
  });

  it("shows the work of the backend's other clients beside ours", async () => {
    const { world, advertiser, signal } = start();
    world.ours = 1;
    world.status = { type: "reachable", models: [model("a")], busy: 3, maxConcurrency: 4 };
    await advertiser.refresh(signal.signal);
    expect(advertiser.slots()).toEqual([{ model: "a", state: "running", running: 3, queued: 0, max_concurrency: 4 }]);
    world.ours = 0;
    expect(advertiser.slots()[0]?.running).toBe(2);
  });

  it("asks more often while the backend is away, and gives up a probe that hangs", async () => {
    const { world, clock, advertiser, signal } = start();
    await advertiser.refresh(signal.signal);
    const watched = advertiser.watch(signal.signal);
    const settle = async (): Promise<void> => {
      for (let i = 0; i < 10; i++) await Promise.resolve();
    };
    for (const [waitMs, status] of [
      [PROBE_MS.unreachable, { type: "reachable", models: [] }],
      [PROBE_MS.reachable, "hangs"],
    ] as const) {
      world.status = status;
      const { probes } = world;
      clock.advance(waitMs - 1);
      await settle();
      expect(world.probes).toBe(probes);
      clock.advance(1);
      await settle();
      expect(world.probes).toBe(probes + 1);
    }
    clock.advance(PROBE_TIMEOUT_MS);
    await settle();
    expect(world.told).toEqual(["slots", "slots"]);
    signal.abort();
    await watched;
    expect(clock.pending).toBe(0);
  });
});
