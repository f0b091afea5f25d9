import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PauseFile } from "./pause-file.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hearth-pause-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe("the owner's pause", () => {
  it("is there for another agent on the same data, until it is taken back", () => {
    const store = new PauseFile(join(folder, "new"));
    expect(store.load()).toBeUndefined();
    store.save({ untilWallMs: 1_900_000_000_000 });
    expect(new PauseFile(join(folder, "new")).load()).toEqual({ untilWallMs: 1_900_000_000_000 });
    store.save({});
    expect(store.load()).toEqual({});
    store.save(undefined);
    store.save(undefined);
    expect(store.load()).toBeUndefined();
  });

  it("leaves no draft behind, and is the owner's alone", () => {
    new PauseFile(folder).save({});
    expect(readdirSync(folder)).toEqual(["pause.json"]);
    if (process.platform !== "win32") expect(statSync(join(folder, "pause.json")).mode & 0o777).toBe(0o600);
  });

  it.each(["", "{", '{"until_ms":"soon"}', '{"until_ms":-1}', "null", " ".repeat(5_000)])(
    "goes on without end when its file holds %j",
    (text) => {
      writeFileSync(join(folder, "pause.json"), text);
      expect(new PauseFile(folder).load()).toEqual({});
    },
  );
});
