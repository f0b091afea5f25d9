import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import Database from "libsql";
import { expect, it } from "vitest";
import { openSqliteStore } from "./open-sqlite-store.js";

const BUILT = new URL("../../../dist/store/sqlite/open-sqlite-store.js", import.meta.url).href;
/** Receipts of one batch. */
const BATCH = 50;

/** Writes batch after batch, and says which of them are kept. */
const WRITER = `
  import { openSqliteStore } from ${JSON.stringify(BUILT)};
  const [dir, from] = process.argv.slice(1);
  const store = await openSqliteStore(dir);
  for (let batch = Number(from); ; batch++) {
    await store.enrolments.addTokens([{ id: "et_" + batch, account: "anna", tokenDigest: "digest-" + batch, note: "",
      createdAtMs: batch, expiresAtMs: 1e15 }], 1e9);
    const redeemed = store.enrolments.redeem("digest-" + batch, { id: "mach_" + batch, identity: "same", name: "n",
      platform: "p", agentVersion: "v", method: "enrolment_token", tokenDigest: "m-" + batch, createdAtMs: batch }, 1e9);
    await redeemed;
    await store.receipts.put(Array.from({ length: ${BATCH} }, (_, n) => ({ requestId: batch + "-" + n, account: "anna",
      providerId: "prv", createdAtMs: batch, blob: Buffer.alloc(700, n), signature: Buffer.alloc(64),
      attestationHash: "h" })));
    process.stdout.write(batch + "\\n");
  }`;

/** Many write at once, each batch after batch, so that the thread commits groups of them all the time. */
const CROWD = `
  import { openSqliteStore } from ${JSON.stringify(BUILT)};
  const store = await openSqliteStore(process.argv[1]);
  const caller = async (name) => {
    for (let batch = 0; ; batch++) {
      const at = name * 1e6 + batch;
      await store.receipts.put(Array.from({ length: ${BATCH} }, (_, n) => ({ requestId: at + "-" + n, account: "anna",
        providerId: "prv", createdAtMs: at, blob: Buffer.alloc(700, n), signature: Buffer.alloc(64),
        attestationHash: "h" })));
      process.stdout.write(at + "\\n");
    }
  };
  for (let name = 0; name < 16; name++) void caller(name);`;

/** Lets a process write from batch `from` until it has told of `count` batches, and kills it there. @returns those */
async function writeAndKill(dir: string, from: number, count: number): Promise<number[]> {
  const args = ["--input-type=module", "-e", WRITER, dir, String(from)];
  const writer = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(writer, "exit");
  const told: number[] = [];
  for await (const line of createInterface({ input: writer.stdout })) {
    told.push(Number(line));
    if (told.length === 1) await expect(openSqliteStore(dir)).rejects.toThrow(/is in use by another process/);
    if (told.at(-1) === from + count) writer.kill("SIGKILL");
  }
  expect((await exited)[1]).toBe("SIGKILL");
  return told;
}

it("keeps every batch that it said it kept, and none by halves, when it is killed while writing", async () => {
  const dir = mkdtempSync(join(tmpdir(), "hearth-crash-"));
  try {
    const told: number[] = [];
    let next = 0;
    for (const count of [0, 3, 11]) {
      told.push(...(await writeAndKill(dir, next, count)));
      const store = await openSqliteStore(dir);
      for (const batch of told) {
        for (const n of [0, BATCH - 1]) expect(await store.receipts.find(`${batch}-${n}`, "anna")).toBeDefined();
      }
      const active = await store.enrolments.activeMachines();
      expect(active).toHaveLength(1);
      const newest = Number(active[0]?.id.slice("mach_".length));
      expect(newest).toBeGreaterThanOrEqual(Math.max(...told));
      await store.close();
      expect(oddities(join(dir, "hearth.db"))).toEqual([]);
      // The batch after the newest may have begun.
      next = newest + 2;
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
});

it("keeps what it has told each of many, and nothing by halves, when it is killed while it commits for all", async () => {
  const dir = mkdtempSync(join(tmpdir(), "hearth-crash-"));
  try {
    const args = ["--input-type=module", "-e", CROWD, dir];
    const writer = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    const exited = once(writer, "exit");
    const told: number[] = [];
    for await (const line of createInterface({ input: writer.stdout })) {
      told.push(Number(line));
      if (told.length === 200) writer.kill("SIGKILL");
    }
    expect((await exited)[1]).toBe("SIGKILL");
    const store = await openSqliteStore(dir);
    for (const batch of told) {
      for (const n of [0, BATCH - 1]) expect(await store.receipts.find(`${batch}-${n}`, "anna")).toBeDefined();
    }
    await store.close();
    expect(oddities(join(dir, "hearth.db"))).toEqual([]);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

/** What is not as every transaction leaves it. */
function oddities(path: string): unknown[] {
  const database = new Database(path);
  const checks = database.pragma("integrity_check") as { integrity_check: string }[];
  const halves = database
    .prepare("SELECT created_at_ms, count(*) AS n FROM receipts GROUP BY created_at_ms HAVING n <> ?")
    .all([BATCH]);
  const unspent = database.prepare(
    "SELECT id FROM enrolment_tokens WHERE (used_at_ms IS NULL) <> (machine_id IS NULL)",
  );
  const found = [
    ...checks.filter((check) => check.integrity_check !== "ok"),
    ...(database.pragma("foreign_key_check") as unknown[]),
    ...halves,
    ...unspent.all([]),
  ];
  database.close();
  return found;
}
