/**
 * The program of a store's thread, which can empty its tables as well: what runs in production has no such operation.
 * A thread of Node's reads no TypeScript, so it takes what is built.
 */
import { parentPort, workerData } from "node:worker_threads";
import { GroupedEngine } from "../../../dist/store/sqlite/grouped-engine.js";
import { openDatabase } from "../../../dist/store/sqlite/open-database.js";
import { serveEngine } from "../../../dist/store/thread/serve-engine.js";

const { dataDir, maxWaiting, emptying } = workerData;

await serveEngine(parentPort, async () => {
  const { connection, ...rest } = openDatabase(dataDir);
  const engine = new GroupedEngine({ connection, ...rest }, maxWaiting);
  return {
    run: async (name, input) => (name === emptying ? empty(connection) : engine.run(name, input)),
    close: () => engine.close(),
  };
});

/** Triggers keep money's rows from being deleted: they stand aside meanwhile. */
function empty(connection) {
  const named = (type) => connection.rows("SELECT name, sql FROM sqlite_schema WHERE type = ?", type);
  const triggers = named("trigger");
  const tables = named("table").filter(({ name }) => name !== "sqlite_sequence");
  connection.script("PRAGMA foreign_keys = OFF");
  connection.transaction(() => {
    for (const { name } of triggers) connection.script(`DROP TRIGGER ${name}`);
    for (const { name } of tables) connection.script(`DELETE FROM ${name}`);
    for (const { sql } of triggers) connection.script(sql);
  });
  connection.script("PRAGMA foreign_keys = ON");
}
