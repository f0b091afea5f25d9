import { afterEach, beforeEach, expect, it } from "vitest";
import type { Tables } from "../schema/tables.js";
import type { Connection } from "../sqlite/connection.js";
import { openMemoryDatabase } from "../sqlite/open-database.js";
import { batchesOf, tablesInOrder } from "./source.js";

let connection: Connection;
beforeEach(() => {
  ({ connection } = openMemoryDatabase());
});
afterEach(() => connection.close());

/** The compiler sees to it that none is missing here. */
const TABLES: Readonly<Record<keyof Tables, true>> = {
  accounts: true,
  admin_actions: true,
  api_keys: true,
  attestations: true,
  documents: true,
  earnings: true,
  enrolment_tokens: true,
  entries: true,
  folded_work: true,
  key_spend: true,
  known_models: true,
  ledger_accounts: true,
  machines: true,
  notice_targets: true,
  outbox: true,
  own_messages: true,
  owner_price_changes: true,
  owner_prices: true,
  payouts: true,
  receipts: true,
  request_usage: true,
  reservations: true,
  transfers: true,
  usage_totals: true,
  work_parts: true,
};

const names = (): string[] => tablesInOrder(connection).map(({ name }) => name);
const batches = (name: string): readonly (readonly unknown[])[][] => {
  const table = tablesInOrder(connection).find((each) => each.name === name);
  if (table === undefined) throw new Error("no such table");
  return [...batchesOf(connection, table)].map((batch) => [...batch]);
};

it("copies every table of the schema, and no other", () => {
  expect(names().sort()).toEqual(Object.keys(TABLES));
});

it("copies a table that was added behind those that it refers to, and a row behind the one that it names", () => {
  connection.script(`
    CREATE TABLE aaa (id INTEGER PRIMARY KEY, transfer TEXT REFERENCES transfers (id), twin INTEGER REFERENCES aaa (id));
    PRAGMA foreign_keys = OFF;
    INSERT INTO aaa VALUES (1, NULL, 2), (2, NULL, NULL);
  `);
  expect(names().indexOf("aaa")).toBeGreaterThan(names().indexOf("transfers"));
  for (const [before, behind] of [
    ["accounts", "api_keys"],
    ["machines", "enrolment_tokens"],
    ["ledger_accounts", "entries"],
    ["reservations", "work_parts"],
  ] as const) {
    expect(names().indexOf(behind)).toBeGreaterThan(names().indexOf(before));
  }
  expect(batches("aaa").flat()).toEqual([
    [2n, null, null],
    [1n, null, 2n],
  ]);
});

it("never holds more than a few megabytes of rows", () => {
  connection.script(`
    CREATE TABLE large (bytes BLOB NOT NULL, number INTEGER NOT NULL) STRICT;
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10)
      INSERT INTO large SELECT zeroblob(1500000), 9223372036854775807 FROM n;
  `);
  const sizes = batches("large").map(({ length }) => length);
  expect(sizes).toEqual([3, 3, 3, 1]);
  expect(batches("large")[0]?.[0]?.[1]).toBe(9_223_372_036_854_775_807n);
});
