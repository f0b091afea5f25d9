/** The program of the thread that owns `hearth.db`, and puts everything into the one file in the end. */
import { parentPort, workerData } from "node:worker_threads";
import { serveEngine } from "../thread/serve-engine.js";
import { GroupedEngine } from "./grouped-engine.js";
import { openDatabase } from "./open-database.js";

export interface SqliteStart {
  readonly dataDir: string;
  readonly maxWaiting: number;
}

if (parentPort === null) throw new Error("This program runs in a thread of the coordinator's.");
const { dataDir, maxWaiting } = workerData as SqliteStart;
await serveEngine(parentPort, async () => new GroupedEngine(openDatabase(dataDir), maxWaiting));
