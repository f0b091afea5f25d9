import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lockHolder, takeLock } from "./agent-lock.js";
import { ofPs, processStartedAt } from "./process-start.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hearth-lock-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const LOCK = "agent-a.lock";
const MODULE = fileURLToPath(new URL("../../dist/supervisor/agent-lock.js", import.meta.url));

function left(holder: Readonly<Record<string, unknown>>): void {
  writeFileSync(join(folder, LOCK), JSON.stringify(holder));
}

describe("an agent's lock", () => {
  it("is for its owner only, names its holder, and is given back", () => {
    const lock = takeLock(folder, "a");
    expect(statSync(lock.path).mode & 0o777).toBe(0o600);
    expect(lockHolder(folder, "a")).toEqual({ pid: process.pid, started: processStartedAt(process.pid) });
    expect(readdirSync(folder)).toEqual([LOCK]);
    lock[Symbol.dispose]();
    expect(readdirSync(folder)).toEqual([]);
    expect(lockHolder(folder, "a")).toBeUndefined();
  });

  it("is one for each name and each directory", () => {
    using _a = takeLock(folder, "a");
    using _b = takeLock(folder, "b/../ä");
    using _c = takeLock(join(folder, "below"), "a");
    expect(() => takeLock(folder, "a")).toThrow(`'a' is already running (process ${process.pid})`);
  });

  it("is taken from a process that is gone, from a later one with its number, and when it cannot be read", async () => {
    const child = spawn(process.execPath, ["-e", ""]);
    await once(child, "exit");
    for (const holder of [
      { pid: child.pid, started: "", id: "x" },
      { pid: process.pid, started: "long ago", id: "x" },
      { oops: 1 },
    ]) {
      left(holder);
      expect(lockHolder(folder, "a")).toBeUndefined();
      takeLock(folder, "a")[Symbol.dispose]();
      expect(readdirSync(folder)).toEqual([]);
    }
  });

  it("is not taken from a process that runs", () => {
    left({ pid: 1, started: processStartedAt(1), id: "x" });
    expect(() => takeLock(folder, "a")).toThrow("already running (process 1)");
    expect(readdirSync(folder)).toEqual([LOCK]);
  });

  it("survives somebody who died while taking it over", () => {
    left({ pid: process.pid, started: "long ago", id: "x" });
    const claim = join(folder, `${LOCK}.claim-x`);
    writeFileSync(claim, "");
    expect(() => takeLock(folder, "a")).toThrow("Others are starting");
    utimesSync(claim, new Date(0), new Date(0));
    takeLock(folder, "a")[Symbol.dispose]();
  });

  it("gives back no lock that is another's by now", () => {
    const lock = takeLock(folder, "a");
    left({ pid: 1, started: "", id: "other" });
    lock[Symbol.dispose]();
    expect(JSON.parse(readFileSync(lock.path, "utf8"))).toMatchObject({ id: "other" });
  });

  it("goes to exactly one of many that find a dead agent's at once", async () => {
    const script = `
      const { takeLock } = await import(${JSON.stringify(MODULE)});
      try { takeLock(${JSON.stringify(folder)}, "a"); process.stdout.write("taken"); }
      catch (error) { process.stdout.write(error.code); }
      await new Promise((done) => process.stdin.on("data", done).on("end", done));`;
    for (let round = 0; round < 3; round++) {
      left({ pid: process.pid, started: "long ago", id: `dead-${round}` });
      const children = Array.from({ length: 8 }, () =>
        spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["pipe", "pipe", "inherit"] }),
      );
      const said = await Promise.all(children.map(async ({ stdout }) => String((await once(stdout, "data"))[0])));
      for (const child of children) child.stdin.end();
      await Promise.all(children.map((child) => once(child, "exit")));
      expect(said.filter((word) => word === "taken")).toHaveLength(1);
      expect(said.filter((word) => word === "already_running")).toHaveLength(7);
      rmSync(join(folder, LOCK), { force: true });
    }
  });

  it("says what is wrong with a directory that cannot be used", () => {
    writeFileSync(join(folder, "file"), "");
    expect(() => takeLock(join(folder, "file", "x"), "a")).toThrow("(ENOTDIR)");
  });
});

it.skipIf(process.platform === "win32")("tells a process from a later one, also by ps", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ["-p", "process.pid"]);
  expect(processStartedAt(Number(stdout))).toBeUndefined();
  expect(ofPs(Number(stdout))).toBeUndefined();
  expect(ofPs(process.pid)).toMatch(/^\w{3} \w{3} +\d+ \d\d:\d\d:\d\d \d{4}$/);
  expect(ofPs(process.pid)).toBe(ofPs(process.pid));
});
