import { afterEach, beforeEach, expect, it } from "vitest";
import { openMemoryDatabase } from "../sqlite/open-database.js";
import type { OpenDatabase } from "../sqlite/run-group.js";
import { ManyRows } from "./many-rows.js";

interface Document {
  readonly name: string;
  readonly json: string;
}

let database: OpenDatabase;
let spelled: number[];
beforeEach(() => {
  database = openMemoryDatabase();
  spelled = [];
});
afterEach(() => database.connection.close());

const documents = (): ManyRows<Document, { readonly name: string }> =>
  new ManyRows((trx, rows) => {
    spelled.push(rows.length);
    return trx.insertInto("documents").values(rows).returning("name");
  });

const rows = (count: number, of: string): Document[] =>
  Array.from({ length: count }, (_, n) => ({ name: `${of}-${n}`, json: String(n) }));

it.each([0, 1, 2, 3, 127, 128, 129, 333])("inserts %i rows, each once and with its own values", async (count) => {
  const wanted = rows(count, "a");
  const kept = await documents().insert(database.kysely, wanted);
  expect(kept.map(({ name }) => name)).toEqual(wanted.map(({ name }) => name));
  const found = await database.kysely.selectFrom("documents").selectAll().execute();
  expect(found).toEqual(expect.arrayContaining(wanted));
  expect(found).toHaveLength(count);
});

it("spells the statement once for each size of a group, whatever number of rows comes", async () => {
  const insert = documents();
  for (let count = 1; count <= 300; count++) await insert.insert(database.kysely, rows(count, String(count)));
  expect(spelled.sort((a, b) => a - b)).toEqual([1, 2, 4, 8, 16, 32, 64, 128]);
});

it("spells it anew for another database", async () => {
  const other = openMemoryDatabase();
  const insert = documents();
  for (const [n, { kysely }] of [database, other, database].entries()) await insert.insert(kysely, rows(1, `d${n}`));
  expect(spelled).toEqual([1, 1]);
  other.connection.close();
});
