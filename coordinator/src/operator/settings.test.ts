import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { configProblems } from "../testing/config-problems.js";
import { NO_SETTINGS, readSettings, type Settings, type SettingsFile } from "./settings.js";
import { changedNames } from "./settings-changes.js";

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "hearth-settings-"));
  path = join(dir, "hearth.json");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function readFile(content: unknown): SettingsFile {
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return readSettings(path);
}

const read = (content: unknown): Settings => readFile(content).settings;

const SHA256 = "0123456789abcdef".repeat(4);

it("takes an empty file for no file", () => {
  expect(read({})).toEqual(NO_SETTINGS);
});

it("reads keys, models, aliases and floors", () => {
  const settings = read({
    $schema: "./hearth.schema.json",
    api_keys: [{ account: "alice", sha256: SHA256 }],
    provider_tokens: [{ account: "bob", sha256: SHA256 }],
    models: ["m", "m"],
    aliases: { latest: { desired: "m2", previous: "m1" }, only: { desired: "m1", patience_ms: 5_000 } },
    version_floors: { tools: "0.9.0" },
    trust_minimum: "hardware",
  });
  expect(settings.apiKeys).toEqual([{ account: "alice", sha256: SHA256 }]);
  expect(settings.providerTokens).toEqual([{ account: "bob", sha256: SHA256 }]);
  expect([...settings.catalog.models]).toEqual(["m"]);
  expect(settings.catalog.aliases.get("latest")).toEqual({ desired: "m2", previous: "m1" });
  expect(settings.catalog.aliases.get("only")).toEqual({ desired: "m1", patienceMs: 5_000 });
  expect(settings.catalog.versionFloors).toEqual({ tools: "0.9.0" });
  expect(settings.catalog.trustMinimum).toBe("hardware");
});

it("lists every problem with its place in the file", () => {
  const problems = configProblems(() =>
    read({
      api_keys: [{ account: "a", sha256: "not a digest" }],
      version_floors: { tools: "9" },
      trust_minimum: "some",
    }),
  );
  expect(problems).toHaveLength(3);
  for (const place of ["api_keys.0.sha256", "version_floors.tools", "trust_minimum"]) {
    expect(problems.some((problem) => problem.startsWith(`${path}: ${place}: `))).toBe(true);
  }
});

it("refuses a member that it does not know, because a slip of the pen must not open a door", () => {
  expect(configProblems(() => read({ api_key: [] })).join()).toContain("api_key");
  expect(configProblems(() => read({ api_keys: [{ account: "a", sha256: SHA256, secret: "x" }] })).join()).toContain(
    "secret",
  );
});

it("takes every number that it is given, and leaves the others as they are", () => {
  const settings = read({
    dispatch: { patience_ms: 30_000, ttft_base_ms: 4_000, ttft_per_thousand_tokens_ms: 1_000 },
    selection: { score: { thermal_ms: { fair: 1 } }, queue: { per_model: 0 } },
    hedging: { burst: 0 },
    breaker: { lates_to_open: 5 },
    evidence: { assumed_decode_tps: 7, decode_interference: 1, spread: { before: 3 } },
    calibration: { credible: { most: 4 } },
  });
  const { dispatch, hedging, selection, breaker, evidence, calibration } = NO_SETTINGS;
  expect(settings.hedging).toEqual({ ...hedging, burst: 0 });
  expect(settings.dispatch).toEqual({
    ...dispatch,
    patienceMs: 30_000,
    ttftBaseMs: 4_000,
    ttftPerThousandTokensMs: 1_000,
  });
  expect(settings.selection).toEqual({
    ...selection,
    score: {
      ...selection.score,
      thermalMs: { ...selection.score.thermalMs, fair: 1 },
      assumedDecodeTps: 7,
      decodeInterference: 1,
    },
    queue: { ...selection.queue, perModel: 0 },
  });
  expect(settings.breaker).toEqual({ ...breaker, latesToOpen: 5 });
  expect(settings.evidence).toEqual({
    ...evidence,
    leastMs: 4_000,
    assumedPrefillTps: 1_000,
    assumedDecodeTps: 7,
    decodeInterference: 1,
    spread: { ...evidence.spread, before: 3 },
  });
  expect(settings.calibration).toEqual({ ...calibration, credible: { ...calibration.credible, most: 4 } });
});

it.each([
  ["dispatch.max_attempts", { dispatch: { max_attempts: 21 } }],
  ["dispatch.max_attempts", { dispatch: { max_attempts: 5.5 } }],
  ["dispatch.patience_ms", { dispatch: { patience_ms: 999 } }],
  ["dispatch.patience_ms", { dispatch: { patience_ms: 3_600_001 } }],
  ["dispatch.patience_ms", { dispatch: { patience_ms: "60000" } }],
  ["dispatch.reseek_ms", { dispatch: { reseek_ms: 0 } }],
  ["dispatch.max_costly_attempts", { dispatch: { max_attempts: 2 } }],
  ["aliases.a.patience_ms", { aliases: { a: { desired: "m", patience_ms: 0 } } }],
  ["selection.score.thermal_ms.fair", { selection: { score: { thermal_ms: { fair: -1 } } } }],
  ["breaker.fault_share", { breaker: { fault_share: 1.1 } }],
  ["breaker.base_open_ms", { breaker: { max_open_ms: 1_000 } }],
  ["evidence.spread.least", { evidence: { spread: { least: 3 } } }],
  ["calibration.least_quantile", { calibration: { least_quantile: 1 } }],
  ["cors.max_age_seconds", { cors: { max_age_seconds: 86_401 } }],
  ["cors.origins.1", { cors: { origins: ["*", "https://app.example/"] } }],
  ["cors.origins.0", { cors: { origins: ["app.example"] } }],
  ["cors.origins.0", { cors: { origins: ["https://App.example"] } }],
])("refuses what %s cannot be", (place, content) => {
  expect(configProblems(() => read(content)).map((problem) => problem.slice(path.length + 2).split(":")[0])).toEqual([
    place,
  ]);
});

it("takes the origins of pages as browsers write them", () => {
  const origins = ["https://app.example", "http://localhost:3000", "chrome-extension://abc", "null"];
  expect(read({ cors: { origins } }).cors).toEqual({ ...NO_SETTINGS.cors, origins });
});

it("refuses a number that it does not know, and one that stands elsewhere", () => {
  expect(configProblems(() => read({ dispatch: { patienceMs: 5_000 } })).join()).toContain("patienceMs");
  expect(configProblems(() => read({ evidence: { least_ms: 5_000 } })).join()).toContain("least_ms");
  expect(configProblems(() => read({ selection: { score: { decode_interference: 0 } } })).join()).toContain(
    "decode_interference",
  );
});

it("names what is not the same in two files, and nothing of what it says", () => {
  const before = readFile({ aliases: { a: { desired: "m1" }, b: { desired: "m1" } }, api_keys: [] });
  const after = readFile({
    aliases: { a: { desired: "m2", patience_ms: 5_000 }, c: { desired: "m1" } },
    api_keys: [{ account: "alice", sha256: SHA256 }],
    dispatch: { patience_ms: 600_000, max_attempts: 7 },
  });
  expect(changedNames(before, after).toSorted()).toEqual([
    "aliases.a.desired",
    "aliases.a.patience_ms",
    "aliases.b",
    "aliases.c",
    "api_keys",
    "dispatch.max_attempts",
  ]);
  expect(changedNames(after, after)).toEqual([]);
});

it("refuses a secret where its digest belongs, without repeating it", () => {
  const problems = configProblems(() => read({ api_keys: [{ account: "a", sha256: "hk-the-secret-itself" }] }));
  expect(problems.join()).toContain("SHA-256");
  expect(problems.join()).not.toContain("hk-the-secret-itself");
});

it("says what is wrong with a file that is no JSON, or is not there", () => {
  expect(configProblems(() => read("{"))).toEqual([`${path} is not valid JSON`]);
  expect(configProblems(() => readSettings(join(dir, "nothing.json")))).toEqual([
    `${join(dir, "nothing.json")} cannot be read (ENOENT)`,
  ]);
});
