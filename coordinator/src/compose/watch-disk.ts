import type { LogFile } from "@hearth/disk";
import { describeFault } from "@hearth/platform";
import { type Trouble, troublesOf } from "../platform/health.js";
import type { Logger } from "../platform/logger.js";
import type { Metrics } from "../platform/metrics.js";
import { openMemoryStore } from "../store/sqlite/open-sqlite-store.js";
import type { Store } from "../store/store.js";
import { watchStore } from "../store/watched-store.js";

/** What a coordinator keeps on its disk, watched: it goes on while that is full, and says so. */
export interface WatchedDisk {
  readonly store: Store;
  readonly troubles: () => readonly Trouble[];
  /** Never rejects. @returns what could not be written, in words for the operator */
  close(): Promise<readonly string[]>;
}

export interface DiskDeps {
  /** Absent = nothing is kept over a restart. */
  readonly store?: Store | undefined;
  readonly logFile?: LogFile | undefined;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** Counts what is lost, and tells what is wrong now. */
export function watchDisk({ store: plain = openMemoryStore(), logFile, log, metrics }: DiskDeps): WatchedDisk {
  const { store, trouble } = watchStore(plain, (kind) => metrics.storeFailures.inc({ trouble: kind }));
  logFile?.onLost((lines) => metrics.logLinesLost.inc(lines));
  return {
    store,
    troubles: () => troublesOf([() => (logFile?.health.type === "failing" ? "log_not_written" : undefined), trouble]),
    async close() {
      try {
        await store.close();
        return [];
      } catch (error) {
        // What was promised is in the write-ahead log: it keeps no process from ending.
        log.error({ fault: describeFault(error) }, "store not closed");
        return ["the last tidying of hearth.db, which the next start does (keep its -wal file)"];
      }
    },
  };
}
