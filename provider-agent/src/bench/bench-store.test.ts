import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { JobStatistics } from "../jobs/job-statistics.js";
import { BenchStore, type BenchStoreOptions } from "./bench-store.js";
import type { BenchFigures } from "./figures.js";
import type { ModelBench } from "./run-bench.js";

let dataDir: string;
let now: number;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "hearth-bench-"));
  now = Date.UTC(2026, 0, 2, 3, 4, 5);
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const open = (options: Partial<BenchStoreOptions> = {}): BenchStore =>
  new BenchStore({ dataDir, chip: "Apple M4", agentVersion: "1.2.3", wallTime: () => now, ...options });

const reopened = async (options?: Partial<BenchStoreOptions>): Promise<BenchStore> => {
  const store = open(options);
  await store.refresh();
  return store;
};

const path = (): string => join(dataDir, "bench.json");
const around = (median: number): { median: number; min: number; max: number; runs: number } => ({
  median,
  min: median - 1,
  max: median + 1,
  runs: 3,
});

const FIGURES: BenchFigures = {
  prefillTps: around(2_000),
  decodeTps: around(50),
  firstToken: [{ promptTokens: 64, ms: around(132) }],
};

const bench = (changes: Partial<ModelBench> & { readonly figures?: BenchFigures } = {}): ModelBench => {
  const { figures = FIGURES, ...rest } = changes;
  return { model: "m", backend: "a:1", weightsHash: undefined, findings: { type: "measured", figures }, ...rest };
};

describe("the store of measurements", () => {
  it("keeps a measurement with what it was made by and on, for its owner only", async () => {
    await open().put(bench({ weightsHash: "ab" }));
    const expected = {
      model: "m",
      backend: "a:1",
      weights_hash: "ab",
      measured_at: "2026-01-02T03:04:05.000Z",
      agent_version: "1.2.3",
      chip: "Apple M4",
      prefill_tps: around(2_000),
      decode_tps: around(50),
      first_token: [{ prompt_tokens: 64, ms: around(132) }],
    };
    expect(JSON.parse(readFileSync(path(), "utf8"))).toEqual({ version: 1, records: [expected] });
    expect((await reopened()).records).toEqual([expected]);
    expect(readdirSync(dataDir)).toEqual(["bench.json"]);
    if (process.platform !== "win32") expect(statSync(path()).mode & 0o777).toBe(0o600);
  });

  it("replaces a measurement of the same model, backend and weights, and no other", async () => {
    const store = open();
    await store.put(bench());
    await store.put(bench({ backend: "b:2" }));
    await store.put(bench({ weightsHash: "ab" }));
    await store.put(bench({ model: "n" }));
    await store.put(bench({ figures: { decodeTps: around(70), firstToken: [] } }));
    const records = (await reopened()).records.map(({ model, backend, weights_hash }) => [
      model,
      backend,
      weights_hash,
    ]);
    expect(records).toEqual([
      ["m", "b:2", undefined],
      ["m", "a:1", "ab"],
      ["n", "a:1", undefined],
      ["m", "a:1", undefined],
    ]);
    expect(store.ratesOf({ id: "m" }, "a:1")).toEqual({ decodeTps: 70 });
  });

  it("leaves everything as it was when a model failed", async () => {
    const store = open();
    await store.put(bench());
    await store.put(bench({ findings: { type: "failed", problem: "ECONNREFUSED" } }));
    expect(store.ratesOf({ id: "m" })).toEqual({ decodeTps: 50, prefillTps: 2_000 });
  });

  it("keeps the newest 500", async () => {
    await open().put(bench({ model: "first" }));
    const { records } = JSON.parse(readFileSync(path(), "utf8"));
    const many = Array.from({ length: 600 }, (_, index) => ({ ...records[0], model: `m${index}` }));
    writeFileSync(path(), JSON.stringify({ version: 1, records: many }));
    const store = await reopened();
    await store.put(bench({ model: "last" }));
    const models = store.records.map(({ model }) => model);
    expect([models.length, models[0], models.at(-1)]).toEqual([500, "m101", "last"]);
  });

  it.each([
    ["cut off", '{"version":1,"records":[{"mod'],
    ["empty", ""],
    ["of another kind", "[1,2]"],
    ["of a version to come", '{"version":2,"records":[]}'],
    ["larger than it can be", " ".repeat(4 * 1024 * 1024 + 1)],
  ])("that is %s counts as empty, and is replaced by the next measurement", async (_, content) => {
    writeFileSync(path(), content);
    const store = await reopened();
    expect(store.records).toEqual([]);
    await store.put(bench());
    expect((await reopened()).ratesOf({ id: "m" })).toEqual({ decodeTps: 50, prefillTps: 2_000 });
  });

  it("that holds a damaged record keeps the others", async () => {
    await open().put(bench());
    const { records } = JSON.parse(readFileSync(path(), "utf8"));
    const damaged = [
      { decode_tps: around(-1) },
      { decode_tps: around(1e9) },
      { measured_at: "yesterday" },
      { model: 1 },
    ];
    const all = [...damaged.map((change) => ({ ...records[0], ...change })), ...records, null, "m"];
    writeFileSync(path(), JSON.stringify({ version: 1, records: all }));
    expect((await reopened()).records).toEqual(records);
  });

  it("sees what another process has measured when it looks again", async () => {
    const agent = await reopened();
    expect(agent.ratesOf({ id: "m" })).toEqual({});
    await open().put(bench());
    await agent.refresh();
    expect(agent.ratesOf({ id: "m" })).toEqual({ decodeTps: 50, prefillTps: 2_000 });
    rmSync(path());
    await agent.refresh();
    expect(agent.ratesOf({ id: "m" })).toEqual({});
  });

  it("says when it cannot be written, and leaves nothing behind", async () => {
    writeFileSync(join(dataDir, "file"), "");
    const store = open({ dataDir: join(dataDir, "file") });
    await expect(store.put(bench())).rejects.toMatchObject({ code: "data_unusable" });
    expect(readdirSync(dataDir)).toEqual(["file"]);
  });
});

describe("rates that are told", () => {
  it("come from the newest measurement, whichever backend it was, unless one is named", async () => {
    const store = open();
    await store.put(bench());
    await store.put(bench({ backend: "b:2", figures: { decodeTps: around(70), firstToken: [] } }));
    expect(store.ratesOf({ id: "m" })).toEqual({ decodeTps: 70 });
    expect(store.ratesOf({ id: "m" }, "a:1")).toEqual({ decodeTps: 50, prefillTps: 2_000 });
    expect(store.ratesOf({ id: "m" }, "c:3")).toEqual({});
    expect(store.ratesOf({ id: "other" })).toEqual({});
  });

  it("are not those of other weights, or of another machine", async () => {
    const store = open();
    await store.put(bench({ weightsHash: "ab" }));
    expect(store.ratesOf({ id: "m", weights_hash: "cd" })).toEqual({});
    expect(store.ratesOf({ id: "m", weights_hash: "ab" })).toEqual({ decodeTps: 50, prefillTps: 2_000 });
    expect(store.ratesOf({ id: "m" })).toEqual({ decodeTps: 50, prefillTps: 2_000 });
    expect((await reopened({ chip: "Apple M1" })).ratesOf({ id: "m" })).toEqual({});
    expect((await reopened({ chip: undefined })).ratesOf({ id: "m" })).toEqual({ decodeTps: 50, prefillTps: 2_000 });
  });

  it("give way, one by one, to what was observed", async () => {
    const store = open();
    await store.put(bench());
    const observed = new JobStatistics();
    observed.record("m", "served", { prompt_tokens: 5, completion_tokens: 41 }, { decodeMs: 1_000 });
    expect({ ...store.ratesOf({ id: "m" }), ...observed.rates("m") }).toEqual({ decodeTps: 40, prefillTps: 2_000 });
  });
});
