import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { smallDisk } from "@hearth/disk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { part } from "../store/testing/money.js";
import { Journal, type OwedOperation } from "./journal.js";

const MAX_BYTES = 100_000;

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "hearth-journal-"));
  path = join(dir, "journal");
});
afterEach(() => rmSync(dir, { recursive: true }));

const post = (id: string): OwedOperation => ({ type: "post", input: { id, parts: [part(5n)], nowMs: 1 } });
const all: readonly OwedOperation[] = [
  { type: "extend", input: { id: "r1", max: 10n ** 15n, used: [part(3n)], nowMs: 1, expiresAtMs: 2 } },
  { type: "post", input: { id: "r1", parts: [part(5n), part(0n)], nowMs: 3, lowBalance: 7n } },
  { type: "void", input: { id: "r2", nowMs: 4 } },
];

async function kept(): Promise<readonly OwedOperation[]> {
  const { journal, owed } = await Journal.open(path, MAX_BYTES);
  await journal.close();
  return owed;
}

describe("a journal", () => {
  it("has what was added to it, in order and to the last digit, when it is opened again", async () => {
    const { journal, owed } = await Journal.open(path, MAX_BYTES);
    expect(owed).toEqual([]);
    await Promise.all(all.map((operation) => journal.append(operation)));
    await journal.append(post("r3"));
    await journal.close();
    expect(await kept()).toEqual([...all, post("r3")]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it("is empty once it is cleared, and goes on", async () => {
    const { journal } = await Journal.open(path, MAX_BYTES);
    await journal.append(post("r1"));
    await journal.clear();
    expect(statSync(path).size).toBe(0);
    await journal.append(post("r2"));
    await journal.close();
    expect(await kept()).toEqual([post("r2")]);
  });

  it("forgets what was there when it is cleared, and keeps what comes in the same moment", async () => {
    const { journal } = await Journal.open(path, MAX_BYTES);
    await journal.append(post("r1"));
    const before = journal.append(post("r2"));
    const cleared = journal.clear();
    await Promise.all([before, cleared, journal.append(post("r3"))]);
    await journal.close();
    expect(await kept()).toEqual([post("r3")]);
  });

  it("leaves out a line that a power cut has torn, and keeps what comes after it apart", async () => {
    const first = await Journal.open(path, MAX_BYTES);
    await first.journal.append(post("r1"));
    await first.journal.close();
    appendFileSync(path, '{"type":"post","input":{"id":"torn","par');
    const { journal, owed, unreadable } = await Journal.open(path, MAX_BYTES);
    expect([owed, unreadable]).toEqual([[post("r1")], 0]);
    await journal.append(post("r2"));
    await journal.close();
    expect(await kept()).toEqual([post("r1"), post("r2")]);
  });

  it("counts lines that say nothing, and reads the others", async () => {
    const lines = ["{}", "no JSON", '{"type":"post","input":{"id":"x","parts":[{"gross":"-5"}],"nowMs":1}}'];
    const good = JSON.stringify(post("r1"), (_, value: unknown) => (typeof value === "bigint" ? `${value}` : value));
    writeFileSync(path, `${[lines[0], good, lines[1], lines[2]].join("\n")}\n`);
    const { journal, owed, unreadable } = await Journal.open(path, MAX_BYTES);
    await journal.close();
    expect([owed, unreadable]).toEqual([[post("r1")], 3]);
    expect(readFileSync(`${path}.unreadable`, "utf8")).toContain("no JSON");
  });

  it("takes nothing beyond its bound", async () => {
    const { journal } = await Journal.open(path, 400);
    await journal.append(post("r1"));
    const more = [journal.append(post("r2")), journal.append(post("r3"))];
    expect((await Promise.allSettled(more)).map(({ status }) => status)).toContain("rejected");
    expect(statSync(path).size).toBeLessThanOrEqual(400);
    await journal.clear();
    await journal.append(post("r4"));
    await journal.close();
    expect(await kept()).toEqual([post("r4")]);
  });

  it("says so when the disk is full, has no piece of what it did not take, and goes on when there is room", async ({
    skip,
  }) => {
    using disk = smallDisk(64) ?? skip("needs root and tmpfs");
    path = join(disk.path, "journal");
    const { journal } = await Journal.open(path, MAX_BYTES);
    await journal.append(post("r1"));
    disk.fill();
    const large: OwedOperation = { type: "post", input: { id: "r2", parts: Array(60).fill(part(5n)), nowMs: 1 } };
    await expect(journal.append(large)).rejects.toMatchObject({ code: "ENOSPC" });
    disk.makeRoom();
    await journal.append(post("r3"));
    await journal.close();
    expect(readFileSync(path, "utf8")).not.toContain("r2");
    expect(await kept()).toEqual([post("r1"), post("r3")]);
  });
});
