import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ConfigError } from "./config.js";
import { NO_SETTINGS, readSettings, type Settings } from "./settings.js";

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "hearth-settings-"));
  path = join(dir, "hearth.json");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function read(content: unknown): Settings {
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return readSettings(path);
}

function problemsOf(act: () => unknown): readonly string[] {
  try {
    act();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

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
    aliases: { latest: { desired: "m2", previous: "m1" }, only: { desired: "m1" } },
    version_floors: { tools: "0.9.0" },
    trust_minimum: "hardware",
  });
  expect(settings.apiKeys).toEqual([{ account: "alice", sha256: SHA256 }]);
  expect(settings.providerTokens).toEqual([{ account: "bob", sha256: SHA256 }]);
  expect([...settings.catalog.models]).toEqual(["m"]);
  expect(settings.catalog.aliases.get("latest")).toEqual({ desired: "m2", previous: "m1" });
  expect(settings.catalog.aliases.get("only")?.desired).toBe("m1");
  expect(settings.catalog.versionFloors).toEqual({ tools: "0.9.0" });
  expect(settings.catalog.trustMinimum).toBe("hardware");
});

it("lists every problem with its place in the file", () => {
  const problems = problemsOf(() =>
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
  expect(problemsOf(() => read({ api_key: [] })).join()).toContain("api_key");
  expect(problemsOf(() => read({ api_keys: [{ account: "a", sha256: SHA256, secret: "x" }] })).join()).toContain(
    "secret",
  );
});

it("refuses a secret where its digest belongs, without repeating it", () => {
  const problems = problemsOf(() => read({ api_keys: [{ account: "a", sha256: "hk-the-secret-itself" }] }));
  expect(problems.join()).toContain("SHA-256");
  expect(problems.join()).not.toContain("hk-the-secret-itself");
});

it("says what is wrong with a file that is no JSON, or is not there", () => {
  expect(problemsOf(() => read("{"))).toEqual([`${path} is not valid JSON`]);
  expect(problemsOf(() => readSettings(join(dir, "nothing.json")))).toEqual([
    `${join(dir, "nothing.json")} cannot be read (ENOENT)`,
  ]);
});
