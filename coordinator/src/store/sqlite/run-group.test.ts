import { afterEach, beforeEach, expect, it } from "vitest";
import { openMemoryDatabase } from "./open-database.js";
import { type Answer, type OpenDatabase, type Request, runGroup } from "./run-group.js";

let database: OpenDatabase;
beforeEach(() => {
  database = openMemoryDatabase();
});
afterEach(() => database.connection.close());

const put = (name: string, json = "{}"): Request => ({ name: "documents.put", input: { name, json } });
const get = (name: string): Request => ({ name: "documents.get", input: name });
const seen = (answers: readonly Answer[]): unknown[] =>
  answers.map((answer) => (answer.type === "done" ? answer.result : answer.error.code));

/** No more pages than there are now and `more`: a full disk. */
function fill(more: number): void {
  const pages = Number(database.connection.pragma("page_count"));
  database.connection.pragma(`max_page_count = ${pages + more}`);
}

it("answers in order, and what was written is there for what comes after it", async () => {
  expect(seen(await runGroup(database, [get("a"), put("a", "1"), get("a"), put("a", "2"), get("a")]))).toEqual([
    undefined,
    undefined,
    "1",
    undefined,
    "2",
  ]);
});

it("leaves nothing of what failed, and everything beside it", async () => {
  const broken: Request = { name: "documents.put", input: { name: null, json: "{}" } };
  const answers = await runGroup(database, [put("a", "1"), broken, put("b", "2")]);
  expect(seen(answers)).toEqual([undefined, "SQLITE_CONSTRAINT_NOTNULL", undefined]);
  expect(seen(await runGroup(database, [get("a"), get("b")]))).toEqual(["1", "2"]);
});

it("fails what finds no room with SQLite's code, and goes on when there is some", async () => {
  await runGroup(database, [put("a", "1")]);
  fill(2);
  const answers = await runGroup(database, [get("a"), put("large", "x".repeat(100_000)), get("a")]);
  expect(seen(answers)).toEqual(["1", "SQLITE_FULL", "1"]);
  expect(seen(await runGroup(database, [get("a"), get("large")]))).toEqual(["1", undefined]);
  fill(1_000);
  expect(seen(await runGroup(database, [put("large", "y"), get("large")]))).toEqual([undefined, "y"]);
});

/** A database whose commits fail, as they do when the disk fails just then. */
function failingCommits(times: number): OpenDatabase {
  const { connection } = database;
  let left = times;
  return {
    ...database,
    connection: new Proxy(connection, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== "function") return member;
        return (...args: unknown[]): unknown => {
          if (name === "execute" && args[0] === "COMMIT" && left-- > 0) {
            throw Object.assign(new Error("disk I/O error"), { code: "SQLITE_IOERR_FSYNC" });
          }
          return member.apply(target, args);
        };
      },
    }),
  };
}

it("keeps nothing of a group whose commit fails, says so to all who wrote, and reads again for the others", async () => {
  await runGroup(database, [put("a", "1")]);
  const answers = await runGroup(failingCommits(1), [put("a", "2"), get("a"), put("b", "2"), get("b")]);
  expect(seen(answers)).toEqual(["SQLITE_IOERR_FSYNC", "1", "SQLITE_IOERR_FSYNC", undefined]);
  expect(seen(await runGroup(database, [get("a"), get("b")]))).toEqual(["1", undefined]);
});

it("fails everything when not even reading can be ended", async () => {
  const answers = await runGroup(failingCommits(9), [get("a"), get("b")]);
  expect(seen(answers)).toEqual(["SQLITE_IOERR_FSYNC", "SQLITE_IOERR_FSYNC"]);
  expect(database.connection.inTransaction).toBe(false);
});
