import { FakeClock } from "@hearth/platform/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { createLogger } from "../platform/logger.js";
import { openMemoryStore } from "../store/sqlite/open-sqlite-store.js";
import type { Store } from "../store/store.js";
import { fakeModel, fakeProvider } from "../testing/fake-provider.js";
import { KnownModels } from "./known-models.js";
import type { Provider } from "./provider.js";
import type { ProviderSession } from "./provider-session.js";
import { Registry } from "./registry.js";
import { WorkTally } from "./work-tally.js";

const LIMITS = { keptMs: 10_000_000, perProvider: 3, perAccount: 4, total: 6 };

let clock: FakeClock;
let store: Store;
let registry: Registry;
let known: KnownModels;
beforeEach(async () => {
  clock = new FakeClock();
  store = openMemoryStore();
  await restart();
});

/** As a new process: nothing is left but the store. */
async function restart(): Promise<void> {
  registry = new Registry(clock);
  known = await KnownModels.open({
    store: store.knownModels,
    registry,
    clock,
    log: createLogger("silent"),
    limits: LIMITS,
  });
}

function machine(id: string, models: readonly string[], account: string = id): Provider {
  return fakeProvider(id, { account, models: new Map(models.map((model) => [model, fakeModel({ id: model })])) });
}

const connect = (provider: Provider): void =>
  registry.add(Object.assign(provider, { work: new WorkTally() }) as unknown as ProviderSession);

function leave(provider: Provider, expectedBack = false): void {
  known.departed(provider, expectedBack);
  registry.departed(provider as ProviderSession, expectedBack);
}

describe("a model", () => {
  it("is known while somebody names it, whether or not it has answered", () => {
    const one = machine("one", ["m"]);
    expect(known.knows("m")).toBe(false);
    connect(one);
    expect(known.knows("m")).toBe(true);
    leave(one);
    expect(known.knows("m")).toBe(false);
  });

  it("that has answered stays known while its machine is away, also over a restart", async () => {
    const one = machine("one", ["m"]);
    connect(one);
    known.answered(one, "m");
    leave(one);
    expect(known.knows("m")).toBe(true);
    await known.flush();
    await restart();
    expect(known.knows("m")).toBe(true);
  });

  it("is told as machines that are away had it, to whom they are lent, those that answered last", async () => {
    const says = (id: string, availableTo: Provider["availableTo"], logprobs: boolean): Provider =>
      fakeProvider(id, {
        account: id,
        availableTo,
        models: new Map([["m", fakeModel({ capabilities: { logprobs } })]]),
      });
    for (const each of [says("here", "everyone", true), says("away", "everyone", false), says("own", "owner", true)]) {
      connect(each);
      known.answered(each, "m");
      if (each.id !== "here") leave(each);
    }
    const told = (account: string) => known.away("m", account).map(({ capabilities }) => capabilities.logprobs);
    expect(told("somebody")).toEqual([false]);
    expect(told("own")).toEqual([false, true]);
    await known.flush();
    await restart();
    expect(told("somebody")).toEqual([true, false]);
    clock.advance(LIMITS.keptMs + 1);
    expect(told("own")).toEqual([]);
    expect(known.away("other", "own")).toEqual([]);
  });

  it("is gone once the machine that had it is back without it, and stays so when that goes again", async () => {
    const one = machine("one", ["m"]);
    connect(one);
    known.answered(one, "m");
    leave(one);
    const without = machine("one", ["other"]);
    connect(without);
    expect(known.knows("m")).toBe(false);
    leave(without);
    expect(known.knows("m")).toBe(false);
    await known.flush();
    expect(await store.knownModels.all()).toEqual([]);
  });

  it("is waited for while another machine that had it is still away", () => {
    const [one, two] = [machine("one", ["m"]), machine("two", ["m"])];
    for (const each of [one, two]) {
      connect(each);
      known.answered(each, "m");
      leave(each);
    }
    connect(machine("one", []));
    expect(known.knows("m")).toBe(true);
    connect(machine("two", []));
    expect(known.knows("m")).toBe(false);
  });

  it("is forgotten when it has not answered for long, here and in the store", async () => {
    const one = machine("one", ["m"]);
    connect(one);
    known.answered(one, "m");
    leave(one);
    await known.flush();
    clock.advance(LIMITS.keptMs + 1);
    expect(known.knows("m")).toBe(false);
    await restart();
    await known.flush();
    expect(await store.knownModels.all()).toEqual([]);
  });

  it("pushes out its own machine's and its own account's oldest only", async () => {
    const good = machine("good", ["m"]);
    connect(good);
    known.answered(good, "m");
    const names = Array.from({ length: 10 }, (_, n) => `n${n}`);
    for (const id of ["bad", "worse"]) {
      const bad = machine(id, names, "rogue");
      connect(bad);
      for (const name of names) known.answered(bad, name);
      leave(bad);
    }
    leave(good);
    expect(known.knows("m")).toBe(true);
    expect(known.size).toBe(1 + LIMITS.perAccount);
    await known.flush();
    expect(await store.knownModels.all()).toHaveLength(1 + LIMITS.perAccount);
  });

  it("is written once an hour at most, however often it answers", async () => {
    const one = machine("one", ["m"]);
    for (let i = 0; i < 100; i++) known.answered(one, "m");
    await known.flush();
    const [first] = await store.knownModels.all();
    clock.advance(3_599_999);
    known.answered(one, "m");
    await known.flush();
    expect(await store.knownModels.all()).toEqual([first]);
    clock.advance(1);
    known.answered(one, "m");
    await known.flush();
    expect((await store.knownModels.all())[0]?.answeredAtMs).toBe(3_600_000);
  });
});

describe("after a restart", () => {
  it("its machines are expected back, as what they were", async () => {
    const models = [fakeModel({ id: "m", capabilities: { tools: true } }), fakeModel({ id: "never asked" })];
    const one = fakeProvider("one", {
      account: "anna",
      trust: "self_attested",
      availableTo: "owner",
      models: new Map(models.map((model) => [model.id, model])),
    });
    known.answered(one, "m");
    await known.flush();
    await restart();
    const [expected, ...others] = known.expected();
    expect(others).toEqual([]);
    expect(expected).toMatchObject({ id: "one", account: "anna", trust: "self_attested", availableTo: "owner" });
    expect([...(expected?.models.values() ?? [])]).toEqual([models[0]]);
  });

  it("nobody waits for a machine that had said goodbye, until it has answered again", async () => {
    const [gone, lost] = [machine("gone", ["m"]), machine("lost", ["n"])];
    for (const each of [gone, lost]) connect(each);
    known.answered(gone, "m");
    known.answered(lost, "n");
    leave(gone);
    leave(lost, true);
    await known.flush();
    await restart();
    expect(known.expected().map(({ id }) => id)).toEqual(["lost"]);
    expect(known.knows("m")).toBe(true);
    known.answered(gone, "m");
    await known.flush();
    await restart();
    expect(
      known
        .expected()
        .map(({ id }) => id)
        .toSorted(),
    ).toEqual(["gone", "lost"]);
  });

  it("what an unknown version wrote is left out, and the model is known all the same", async () => {
    await store.knownModels.put([
      { model: "m", providerId: "one", account: "anna", answeredAtMs: 0, facts: '{"later":"version"}' },
    ]);
    await restart();
    expect(known.expected()).toEqual([]);
    expect(known.knows("m")).toBe(true);
  });
});

it("offers again what the store did not take, and rejects nothing", async () => {
  let full = true;
  const put = store.knownModels.put.bind(store.knownModels);
  store.knownModels.put = async (models) => {
    if (full) throw new Error("database or disk is full");
    await put(models);
  };
  const one = machine("one", ["m"]);
  known.answered(one, "m");
  await known.flush();
  full = false;
  await known.stop();
  expect(await store.knownModels.all()).toHaveLength(1);
  expect(clock.pending).toBe(0);
});
