/**
 * The program of the thread that owns `hearth.db`: opens it, carries out one group of requests after the other, and
 * puts everything into the one file in the end.
 */
import { parentPort, workerData } from "node:worker_threads";
import { type ErrorRecord, recordOf } from "../thread/error-record.js";
import { openDatabase } from "./open-database.js";
import { type Answer, type OpenDatabase, type Request, runGroup } from "./run-group.js";

export interface WorkerStart {
  readonly dataDir: string;
}

export type ToWorker = { readonly type: "run"; readonly requests: readonly Request[] } | { readonly type: "close" };

export type FromWorker =
  | { readonly type: "opened" }
  | { readonly type: "answers"; readonly answers: readonly Answer[] }
  /** The last message; what it could not open or close, if something. */
  | { readonly type: "ended"; readonly error: ErrorRecord | undefined };

const port = parentPort;
if (port === null) throw new Error("This program runs in a thread of the coordinator's.");
const tell = (message: FromWorker): void => port.postMessage(message);

function end(database?: OpenDatabase): void {
  try {
    database?.connection.close();
    tell({ type: "ended", error: undefined });
  } catch (error) {
    tell({ type: "ended", error: recordOf(error) });
  }
  port?.close();
}

function start(): OpenDatabase | undefined {
  try {
    const { dataDir } = workerData as WorkerStart;
    return openDatabase(dataDir);
  } catch (error) {
    tell({ type: "ended", error: recordOf(error) });
    port?.close();
    return undefined;
  }
}

const database = start();
if (database !== undefined) {
  port.on("message", async (message: ToWorker) => {
    switch (message.type) {
      case "run":
        return tell({ type: "answers", answers: await runGroup(database, message.requests) });
      case "close":
        return end(database);
    }
  });
  tell({ type: "opened" });
}
