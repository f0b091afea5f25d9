import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { afterEach, beforeEach, expect, it } from "vitest";
import { requireSound } from "./check-integrity.js";
import { Connection } from "./connection.js";
import { openSqliteStore } from "./open-sqlite-store.js";

const PAGE = 4096;

let dir: string;
let path: string;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "hearth-sound-"));
  path = join(dir, "hearth.db");
  await (await openSqliteStore(dir)).close();
});
afterEach(() => rmSync(dir, { recursive: true }));

/** Overwrites the root page of a table. */
function damage(table: string): void {
  const database = new Database(path);
  const row = database.prepare("SELECT rootpage FROM sqlite_schema WHERE name = ?").get(table) as { rootpage: number };
  database.close();
  const file = openSync(path, "r+");
  writeSync(file, Buffer.alloc(PAGE, 0xa5), 0, PAGE, (row.rootpage - 1) * PAGE);
  closeSync(file);
}

function check(wholeBytes?: number): void {
  const connection = new Connection(path);
  try {
    requireSound(connection, path, wholeBytes);
  } finally {
    connection.close();
  }
}

it("takes a sound database, whatever its size", () => {
  check();
  check(0);
});

it.each(["machines", "receipts", "documents"])("finds a damaged page of %s", (table) => {
  damage(table);
  expect(() => check()).toThrow(/hearth\.db is damaged/);
});

it("leaves the receipts out, and only them, where the database is large", () => {
  damage("receipts");
  check(0);
  damage("machines");
  expect(() => check(0)).toThrow(/damaged|malformed/);
});
