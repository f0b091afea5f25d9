import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HearthError } from "../platform/errors.js";
import { createLogger } from "../platform/logger.js";
import { LiveOperator } from "./operator-document.js";
import { OperatorSettings } from "./operator-settings.js";
import { leavesOf, mergePatch } from "./settings-changes.js";
import { SettingsSource } from "./settings-source.js";

let dir: string;
let path: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "hearth-settings-"));
  path = join(dir, "hearth.json");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const write = (content: unknown): void => writeFileSync(path, JSON.stringify(content));
const onDisk = (file = path): unknown => JSON.parse(readFileSync(file, "utf8"));

async function open(place: { settingsFile?: string; dataDir?: string } = { settingsFile: path }) {
  const source = SettingsSource.open({ settingsFile: undefined, dataDir: dir, ...place });
  const documents = { get: async () => undefined, put: async () => {} };
  const live = await LiveOperator.load(source.first.settings, documents, { changed() {} });
  const settings = new OperatorSettings({
    ...{ live, source },
    clock: { wallTime: () => 5_000 },
    log: createLogger("silent"),
  });
  return { live, settings };
}

/** The error that is thrown. */
function refusal(act: () => unknown): HearthError {
  try {
    act();
  } catch (error) {
    if (error instanceof HearthError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("a change of the settings", () => {
  it("counts at once, is in the file with the mode that it had, and is told member by member", async () => {
    write({ aliases: { a: { desired: "m1" } } });
    chmodSync(path, 0o640);
    const { live, settings } = await open();
    const before = settings.version;
    const next = { aliases: { a: { desired: "m2" } }, dispatch: { max_attempts: 7 } };
    const { changes, version } = settings.change(() => next, { ifVersion: before });
    expect(changes).toEqual([
      { path: "aliases.a.desired", before: "m1", after: "m2" },
      { path: "dispatch.max_attempts", before: 6, after: 7 },
    ]);
    expect([version === before, version]).toEqual([false, settings.version]);
    expect([live.current.dispatch.maxAttempts, onDisk()]).toEqual([7, next]);
    expect(statSync(path).mode & 0o777).toBe(0o640);
    expect((await open()).live.current.dispatch.maxAttempts).toBe(7);
  });

  it("is refused as a whole with every problem, references included, and changes nothing", async () => {
    write({ models: ["m"] });
    const { live, settings } = await open();
    const [before, current] = [settings.version, live.current];
    const wrong = { dispatch: { patience_ms: 0, patience: 1 }, nonsense: {} };
    const error = refusal(() => settings.change(() => wrong));
    expect([error.code, error.details.problems?.map((problem) => problem.path).toSorted()]).toEqual([
      "invalid_request",
      ["dispatch.patience", "dispatch.patience_ms", "nonsense"],
    ]);
    const dangling = { aliases: { a: { desired: "b" }, b: { desired: "m" } } };
    expect(refusal(() => settings.change(() => dangling)).details.problems).toMatchObject([{ path: "aliases.a" }]);
    expect([settings.version, live.current, onDisk()]).toEqual([before, current, { models: ["m"] }]);
  });

  it("is only told where it is tried, and refused for a version that is not the settings' any more", async () => {
    write({});
    const { live, settings } = await open();
    const { version } = settings;
    const tried = settings.change(() => ({ models: ["m"] }), { dryRun: true });
    expect(tried).toEqual({ changes: [{ path: "models", before: [], after: ["m"] }], version });
    expect([[...live.current.catalog.models], onDisk()]).toEqual([[], {}]);
    settings.change(() => ({ models: ["n"] }));
    expect(refusal(() => settings.change(() => ({}), { ifVersion: version })).code).toBe("precondition_failed");
    expect([...live.current.catalog.models]).toEqual(["n"]);
  });

  it("is refused where somebody else has written the file, until it is read again", async () => {
    write({});
    const { settings } = await open();
    write({ models: ["theirs"] });
    expect(refusal(() => settings.change(() => ({ models: ["ours"] }))).code).toBe("precondition_failed");
    expect(onDisk()).toEqual({ models: ["theirs"] });
    settings.reread();
    settings.change((document) => ({ ...document, trust_minimum: "hardware" }));
    expect(onDisk()).toEqual({ models: ["theirs"], trust_minimum: "hardware" });
  });

  it("is none where it cannot be written", async () => {
    const { live, settings } = await open({ dataDir: join(dir, "nowhere") });
    expect(refusal(() => settings.change(() => ({ models: ["m"] }))).code).toBe("service_unavailable");
    expect([[...live.current.catalog.models], settings.document]).toEqual([[], {}]);
  });

  it("goes to a file in the data directory where the environment names none, and stays out of it where it does", async () => {
    const kept = join(dir, "settings.json");
    const { settings } = await open({});
    settings.change(() => ({ models: ["kept"] }));
    expect([onDisk(kept), statSync(kept).mode & 0o777]).toEqual([{ models: ["kept"] }, 0o600]);
    expect([...(await open({})).live.current.catalog.models]).toEqual(["kept"]);
    write({ models: ["named"] });
    expect([...(await open()).live.current.catalog.models]).toEqual(["named"]);
  });

  it("leaves a link in its place, and writes what it leads to", async () => {
    const target = join(dir, "target.json");
    writeFileSync(target, "{}");
    symlinkSync(target, path);
    (await open()).settings.change(() => ({ models: ["m"] }));
    expect([onDisk(target), readFileSync(path, "utf8")]).toEqual([{ models: ["m"] }, readFileSync(target, "utf8")]);
    rmSync(target);
    expect(() => onDisk()).toThrow("ENOENT");
  });
});

it("shows every setting with where it comes from, and why a file does not count", async () => {
  write({ dispatch: { patience_ms: 30_000 }, aliases: { "a.b": { desired: "m" } } });
  const { settings } = await open();
  const shown = new Map(settings.shown().settings.map((each) => [each.name, each]));
  expect(shown.get("dispatch.patience_ms")).toMatchObject({ value: 30_000, byDefault: 600_000, source: "file" });
  expect(shown.get("dispatch.max_attempts")).toMatchObject({ value: 6, byDefault: 6, source: "default" });
  expect(shown.get("aliases.a.b.desired")).toMatchObject({ value: "m", byDefault: undefined, source: "file" });
  expect(settings.shown().rejected).toBeUndefined();
  write({ dispatch: { patience_ms: 0 } });
  const before = settings.version;
  settings.reread();
  const { rejected, version, document } = settings.shown();
  expect(rejected).toEqual({ atMs: 5_000, problems: [expect.stringContaining("dispatch.patience_ms")] });
  expect([version === before, document]).toEqual([
    false,
    expect.objectContaining({ dispatch: { patience_ms: 30_000 } }),
  ]);
  settings.change((given) => given);
  expect(settings.shown().rejected).toBeUndefined();
});

it("merges a patch as RFC 7396 has it", () => {
  expect(mergePatch({ a: { b: 1, c: 2 }, d: [1] }, { a: { b: null, e: { f: 3 } }, d: [2] })).toEqual({
    a: { c: 2, e: { f: 3 } },
    d: [2],
  });
  expect(mergePatch({ a: 1 }, [1])).toEqual([1]);
  expect(mergePatch(1, { a: null, b: 2 })).toEqual({ b: 2 });
  const deep = JSON.parse(`${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}`) as object;
  expect(mergePatch({}, deep)).toBeInstanceOf(Object);
});

it("names the leaves of a document", () => {
  expect(leavesOf({ a: { b: 1, c: {} }, d: [{ e: 1 }] })).toEqual([
    ["a.b", 1],
    ["a.c", {}],
    ["d", [{ e: 1 }]],
  ]);
});
