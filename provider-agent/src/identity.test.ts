import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadIdentity } from "./identity.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hearth-identity-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("the identity", () => {
  it("is made once, for its owner only, and kept", () => {
    const first = loadIdentity(join(folder, "data"), "a");
    expect(first).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(loadIdentity(join(folder, "data"), "a")).toBe(first);
    const [file, ...others] = readdirSync(join(folder, "data"));
    expect(others).toEqual([]);
    expect(statSync(join(folder, "data", file ?? "")).mode & 0o777).toBe(0o600);
  });

  it("differs by name, whatever characters that has", () => {
    const names = ["a", "b", "../a", "ä/ö"];
    expect(new Set(names.map((name) => loadIdentity(folder, name))).size).toBe(names.length);
    expect(readdirSync(folder)).toHaveLength(names.length);
  });

  it("that was spoilt is a clear error, and so is a folder that cannot be used", () => {
    writeFileSync(join(folder, "identity-a"), "oops");
    expect(() => loadIdentity(folder, "a")).toThrow("identity-a holds no identity");
    expect(() => loadIdentity(join(folder, "identity-a", "below"), "a")).toThrow("cannot be used: ENOTDIR");
  });
});
