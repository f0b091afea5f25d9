import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../platform/clock.js";
import { type HashProgress, WeightsHasher } from "./weights-hash.js";

let folder: string;
let cachePath: string;
const { signal } = new AbortController();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hearth-hash-"));
  cachePath = join(folder, "data", "weights.json");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const hasher = (pace: "gentle" | "full" = "full"): WeightsHasher =>
  new WeightsHasher({ cachePath, clock: systemClock, pace });

function put(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const sha256 = (content: string | Buffer): string => createHash("sha256").update(content).digest("hex");

describe("WeightsHasher", () => {
  it.each(["gentle", "full"] as const)("computes what `sha256sum` prints of one file (%s)", async (pace) => {
    const content = Buffer.alloc(2_500_000, "weights");
    const path = put("a.gguf", content);
    const progress: HashProgress[] = [];
    expect(await hasher(pace).hash([path], signal, (each) => progress.push(each))).toEqual({
      type: "hashed",
      sha256: sha256(content),
    });
    expect(progress.map(({ doneBytes }) => doneBytes)).toEqual([1_048_576, 2_097_152, 2_500_000]);
    expect(progress[0]?.totalBytes).toBe(2_500_000);
  });

  it.skipIf(process.platform === "win32")("computes of several what a shell can check, in any order", async () => {
    const files = ["b.safetensors", "a.safetensors", "a-2.safetensors"].map((name) => put(name, `weights of ${name}`));
    const shell = "LC_ALL=C; export LC_ALL; sha256sum *.safetensors | sha256sum";
    const expected = execFileSync("sh", ["-c", shell], { cwd: folder, encoding: "utf8" }).slice(0, 64);
    expect(await hasher().hash(files, signal)).toEqual({ type: "hashed", sha256: expected });
    expect(await hasher().hash(files.toReversed(), signal)).toEqual({ type: "hashed", sha256: expected });
  });

  it("reads a file again only when its size or time changed, also in another process", async () => {
    const path = put("a.gguf", "one");
    utimesSync(path, 1_000, 1_000);
    await hasher().hash([path], signal);
    const later = hasher();
    expect(await later.known([path])).toBe(sha256("one"));
    writeFileSync(path, "two");
    utimesSync(path, 1_000, 1_000);
    expect(await later.known([path]), "same size and time").toBe(sha256("one"));
    utimesSync(path, 1_000, 1_000.001);
    expect(await later.known([path])).toBeUndefined();
    expect(await later.hash([path], signal)).toEqual({ type: "hashed", sha256: sha256("two") });
  });

  it("knows nothing of several when one of them is new, and reads only that", async () => {
    const files = [put("a", "a"), put("b", "b")];
    const own = hasher();
    await own.hash(files.slice(0, 1), signal);
    expect(await own.known(files)).toBeUndefined();
    const progress: HashProgress[] = [];
    await own.hash(files, signal, (each) => progress.push(each));
    expect(progress).toEqual([{ doneBytes: 2, totalBytes: 2 }]);
  });

  it.each(["", "{", "[]", '{"version":1,"files":{"/a":{"size":-1}}}', '{"version":2,"files":{}}'])(
    "takes a damaged cache for an empty one: %j",
    async (content) => {
      const path = put("a.gguf", "one");
      await hasher().hash([path], signal);
      writeFileSync(cachePath, content);
      const own = hasher();
      expect(await own.known([path])).toBeUndefined();
      expect(await own.hash([path], signal)).toMatchObject({ type: "hashed" });
      expect(JSON.parse(readFileSync(cachePath, "utf8"))).toMatchObject({ version: 1 });
    },
  );

  it("leaves no draft beside its cache, and works where it cannot write one", async () => {
    const path = put("a.gguf", "one");
    await hasher().hash([path], signal);
    expect(readdirSync(join(folder, "data"))).toEqual(["weights.json"]);
    cachePath = join(path, "weights.json");
    const own = hasher();
    expect(await own.hash([path], signal)).toMatchObject({ type: "hashed" });
    expect(await own.known([path])).toBe(sha256("one"));
    expect(existsSync(cachePath)).toBe(false);
  });

  it("ends at once when told to, without an answer that could be taken for a hash", async () => {
    const asker = new AbortController();
    const path = put("a.gguf", Buffer.alloc(8_000_000));
    const hashing = hasher("gentle").hash([path], asker.signal, () => asker.abort());
    expect(await hashing).toEqual({ type: "cancelled" });
  });

  it("does one at a time", async () => {
    const own = hasher("gentle");
    const order: string[] = [];
    const files = ["a", "b"].map((name) => put(name, Buffer.alloc(3_000_000, name)));
    await Promise.all(files.map((path) => own.hash([path], signal, () => order.push(path))));
    expect(order).toEqual([...Array(3).fill(files[0]), ...Array(3).fill(files[1])]);
  });

  it.each([
    ["grows", (path: string): void => writeFileSync(path, "x", { flag: "a" })],
    ["is written over", (path: string): void => utimesSync(path, 1_000, 1_000)],
  ])("refuses a file that %s while it is read", async (_, change) => {
    const path = put("a.gguf", Buffer.alloc(3_000_000));
    expect(await hasher().hash([path], signal, () => change(path))).toEqual({
      type: "failed",
      problem: "it changed while it was read",
    });
    expect(await hasher().known([path])).toBeUndefined();
  });

  it("says what is wrong with a file that is not there, or with none", async () => {
    expect(await hasher().hash([join(folder, "none")], signal)).toEqual({ type: "failed", problem: "ENOENT" });
    expect(await hasher().hash([folder], signal)).toEqual({ type: "failed", problem: "it is no file" });
    expect(await hasher().hash([], signal)).toEqual({ type: "failed", problem: "it has no weights" });
    expect(await hasher().known([])).toBeUndefined();
  });
});
