import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MIGRATIONS } from "../schema/migrations.js";
import type { Store } from "../store.js";
import { StoreError } from "../store-error.js";
import { openSqliteStore } from "./open-sqlite-store.js";

let dir: string;
let path: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "hearth-store-"));
  path = join(dir, "hearth.db");
});

afterEach(() => rmSync(dir, { recursive: true }));

/** The error of an attempt to open; closes what opened against expectation. */
async function refusal(): Promise<StoreError> {
  let store: Store;
  try {
    store = await openSqliteStore(dir);
  } catch (error) {
    expect(error).toBeInstanceOf(StoreError);
    return error as StoreError;
  }
  await store.close();
  throw new Error("it opened");
}

function other(script: string): void {
  const database = new Database(path);
  database.exec(script);
  database.close();
}

describe("opening a store", () => {
  it("makes directory and file for their owner only, the log too", async () => {
    const fresh = join(dir, "a", "b");
    const store = await openSqliteStore(fresh);
    await store.documents.put("x", "{}");
    expect(readdirSync(fresh).sort()).toEqual(["hearth.db", "hearth.db-wal"]);
    expect(statSync(fresh).mode & 0o777).toBe(0o700);
    for (const file of readdirSync(fresh)) expect(statSync(join(fresh, file)).mode & 0o777).toBe(0o600);
    await store.close();
    expect(readdirSync(fresh)).toEqual(["hearth.db"]);
  });

  it("takes a file from others that was readable by them", async () => {
    writeFileSync(path, "", { mode: 0o644 });
    await (await openSqliteStore(dir)).close();
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it("keeps what was written when it is closed and opened again, many times", async () => {
    for (let n = 0; n < 5; n++) {
      const store = await openSqliteStore(dir);
      expect(await store.documents.get("count")).toBe(n === 0 ? undefined : String(n));
      await store.documents.put("count", String(n + 1));
      await store.close();
    }
  });

  it("says that another one has it open", async () => {
    const store = await openSqliteStore(dir);
    const error = await refusal();
    expect(error.code).toBe("in_use");
    expect(error.message).toBe(`${path} is in use by another process: one coordinator at a time.`);
    await store.documents.put("still", "writable");
    await store.close();
    await (await openSqliteStore(dir)).close();
  });

  it("refuses what is no database", async () => {
    writeFileSync(path, "these are not the bytes of a database ".repeat(200));
    expect((await refusal()).code).toBe("corrupt");
  });

  it("refuses a database whose pages are damaged", async () => {
    const store = await openSqliteStore(dir);
    await store.close();
    const bytes = Buffer.alloc(statSync(path).size - 100, 0xff);
    const file = openSync(path, "r+");
    writeSync(file, bytes, 0, bytes.length, 100);
    closeSync(file);
    expect((await refusal()).code).toBe("corrupt");
  });

  it("refuses another program's database and leaves it as it was", async () => {
    other("CREATE TABLE theirs (n INTEGER)");
    expect((await refusal()).code).toBe("foreign");
    expect(readdirSync(dir)).toEqual(["hearth.db"]);
  });

  it("refuses what a later version wrote, naming both versions", async () => {
    await (await openSqliteStore(dir)).close();
    other(`PRAGMA user_version = ${MIGRATIONS.length + 1}`);
    const error = await refusal();
    expect(error.code).toBe("schema_newer");
    expect(error.message).toContain(`schema ${MIGRATIONS.length + 1}; this one knows ${MIGRATIONS.length}`);
  });

  it("names the file system's reason when there is nowhere to put it", async () => {
    writeFileSync(join(dir, "file"), "");
    await expect(openSqliteStore(join(dir, "file", "below"))).rejects.toThrow(
      /cannot be opened: a file is in the place of a directory \(ENOTDIR\)/,
    );
  });
});
