import { FakeClock } from "@hearth/platform/testing";
import { BACKEND_DIALECTS, type ModelAdvert } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import type { Backend, BackendSlot, BackendStatus } from "../backends/backend.js";
import { createLogger } from "../platform/logger.js";
import { Advertiser, type AdvertiserDeps, type AdvertiserHooks, PROBE_MS, PROBE_TIMEOUT_MS } from "./advertiser.js";

const GONE: BackendStatus = { type: "unreachable", problem: "ECONNREFUSED" };
const model = (id: string): ModelAdvert => ({ id, capabilities: {} });

/** A backend that serves these, each of which stands as told. */
function serving(...slots: readonly BackendSlot[]): BackendStatus {
  const models = slots.map((slot) => model(slot.model));
  return { type: "reachable", models, slots, sources: new Map([["a", { path: "/models/a.gguf" }]]) };
}

function start(
  expected: readonly string[] = [],
  more: Pick<AdvertiserDeps, "dialects"> & Partial<AdvertiserHooks> = {},
) {
  const { dialects, ...hooks } = more;
  const world = { status: GONE as BackendStatus | "hangs", ours: 0, told: [] as string[], probes: 0 };
  const clock = new FakeClock();
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
    hooks: {
      running: () => world.ours,
      changed: (what) => void world.told.push(what),
      ...hooks,
    },
    ...(dialects && { dialects }),
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
    world.status = serving({ model: "a", state: "idle" });
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
    world.status = serving({ model: "a", state: "running", running: 3, maxConcurrency: 4 });
    await advertiser.refresh(signal.signal);
    expect(advertiser.slots()).toEqual([{ model: "a", state: "running", running: 3, queued: 0, max_concurrency: 4 }]);
    world.ours = 0;
    expect(advertiser.slots()[0]?.running).toBe(2);
  });

  it("counts a request of ours that waits inside the backend once", async () => {
    const { world, advertiser, signal } = start();
    world.ours = 3;
    world.status = serving({ model: "a", state: "running", running: 2, queued: 4 });
    await advertiser.refresh(signal.signal);
    expect(advertiser.slots()).toMatchObject([{ running: 3, queued: 3 }]);
  });

  it("tells tokens, rates and waiting requests where the backend does", async () => {
    const { world, advertiser, signal } = start([], { queued: () => 2 });
    const budget = { maxTokens: 1_000, usedTokens: 250 };
    world.status = serving({ model: "a", state: "idle", queued: 3, budget, decodeTps: 40, prefillTps: 900 });
    await advertiser.refresh(signal.signal);
    expect(advertiser.slots()).toEqual([
      {
        model: "a",
        state: "idle",
        running: 0,
        queued: 5,
        budget_max: 1_000,
        budget_used: 250,
        decode_tps: 40,
        prefill_tps: 900,
      },
    ]);
  });

  it("tells at once when one of several models goes, and not when one only gets work", async () => {
    const { world, advertiser, signal } = start();
    world.status = serving({ model: "a", state: "idle" }, { model: "b", state: "idle_shutdown" });
    await advertiser.refresh(signal.signal);
    world.status = serving({ model: "a", state: "running", running: 1 }, { model: "b", state: "idle_shutdown" });
    await advertiser.refresh(signal.signal);
    expect(world.told).toEqual(["models"]);
    world.status = serving({ model: "a", state: "idle" }, { model: "b", state: "crashed" });
    await advertiser.refresh(signal.signal);
    expect(world.told).toEqual(["models", "slots"]);
    expect(advertiser.slots().map(({ state }) => state)).toEqual(["idle", "crashed"]);
  });

  it("shows a model that our own request has loaded as loading until the backend knows", async () => {
    const { world, advertiser, signal } = start();
    world.status = serving({ model: "a", state: "idle_shutdown" });
    await advertiser.refresh(signal.signal);
    expect(advertiser.slots()[0]?.state).toBe("idle_shutdown");
    world.ours = 1;
    expect(advertiser.slots()[0]?.state).toBe("reloading");
  });

  it("advertises of what a backend speaks only what our jobs can relay", async () => {
    const native: ModelAdvert = { ...model("a"), dialects: [...BACKEND_DIALECTS] };
    const status: BackendStatus = { type: "reachable", models: [native, model("b")], slots: [], sources: new Map() };
    const dialectsWith = async (more: Pick<AdvertiserDeps, "dialects">) => {
      const { world, advertiser, signal } = start([], more);
      world.status = status;
      await advertiser.refresh(signal.signal);
      return advertiser.models.map(({ dialects }) => dialects);
    };
    expect(await dialectsWith({})).toEqual([[...BACKEND_DIALECTS], undefined]);
    expect(await dialectsWith({ dialects: ["messages"] })).toEqual([["messages"], undefined]);
  });

  it("adds what is known of a model's files, also when that comes later, and believes the backend first", async () => {
    let facts: Partial<ModelAdvert> = {};
    const asked: unknown[] = [];
    const { world, advertiser, signal } = start([], {
      inspect: ({ id }, source) => {
        asked.push([id, source?.path]);
        return facts;
      },
    });
    world.status = serving({ model: "a", state: "idle" }, { model: "b", state: "idle" });
    await advertiser.refresh(signal.signal);
    expect(asked).toEqual([
      ["a", "/models/a.gguf"],
      ["b", undefined],
    ]);
    expect(advertiser.reconsider()).toBe(false);
    facts = { id: "other", weights_hash: "h", template_render_ok: true, capabilities: { tools: true } };
    expect(advertiser.reconsider()).toBe(true);
    expect(world.told).toEqual(["models", "models"]);
    expect(advertiser.models[0]).toEqual({
      id: "a",
      weights_hash: "h",
      template_render_ok: true,
      capabilities: { tools: true },
    });
  });

  it("does not offer tools that a backend was seen to refuse, whatever it says of itself", async () => {
    const { advertiser, world, signal } = start([], {
      inspect: () => ({ capabilities: { tools: false, vision: false } }),
    });
    const able = { id: "a", capabilities: { tools: true, vision: true } };
    world.status = { type: "reachable", models: [able], slots: [], sources: new Map() };
    await advertiser.refresh(signal.signal);
    expect(advertiser.models).toEqual([{ id: "a", capabilities: { tools: false, vision: true } }]);
  });

  it("asks more often while the backend is away, and gives up a probe that hangs", async () => {
    const { world, clock, advertiser, signal } = start();
    await advertiser.refresh(signal.signal);
    const watched = advertiser.watch(signal.signal);
    const settle = async (): Promise<void> => {
      for (let i = 0; i < 10; i++) await Promise.resolve();
    };
    for (const [waitMs, status] of [
      [PROBE_MS.unreachable, serving()],
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
