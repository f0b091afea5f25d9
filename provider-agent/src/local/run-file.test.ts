import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type RunFile, readRunFile, writeRunFile } from "./run-file.js";

const RUN: RunFile = { pid: 4711, url: "http://127.0.0.1:8080", token: "t".repeat(32) };

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "hearth-run-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

it("is for its owner only, and gone with its agent", () => {
  const file = writeRunFile(dir, "default", RUN);
  expect(readRunFile(dir, "default")).toEqual(RUN);
  if (process.platform !== "win32") expect(statSync(join(dir, "run.json")).mode & 0o777).toBe(0o600);
  file[Symbol.dispose]();
  expect(readRunFile(dir, "default")).toBeUndefined();
  expect(readdirSync(dir)).toEqual([]);
});

it("of an agent that has started since stays", () => {
  const older = writeRunFile(dir, "default", RUN);
  writeRunFile(dir, "default", { ...RUN, pid: 4712 });
  older[Symbol.dispose]();
  expect(readRunFile(dir, "default")?.pid).toBe(4712);
});

it("goes by the agent's name", () => {
  writeRunFile(dir, "../other", RUN);
  expect(readRunFile(dir, "default")).toBeUndefined();
  expect(readRunFile(dir, "../other")).toEqual(RUN);
});

it.each([
  "{",
  JSON.stringify({ ...RUN, url: "http://127.0.0.1:80@elsewhere.example/" }),
  JSON.stringify({ ...RUN, pid: -1 }),
])("that makes no sense counts as none", (text) => {
  writeFileSync(join(dir, "run.json"), text);
  expect(readRunFile(dir, "default")).toBeUndefined();
});
