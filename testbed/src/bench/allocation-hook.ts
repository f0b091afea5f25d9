// Loaded into a program that is measured (`node --import`): SIGUSR2 begins to record what the main thread allocates, the
// next one writes it into the file that HEARTH_BENCH_ALLOCATIONS names. Only then there is a cost.
import { renameSync, writeFileSync } from "node:fs";
import { Session } from "node:inspector";
import { constants, type PerformanceEntry, PerformanceObserver } from "node:perf_hooks";
import { isMainThread } from "node:worker_threads";
import type { AllocationNode, AllocationRecord } from "./allocation-profile.js";

/** Bytes between samples, on average. */
const SAMPLING_BYTES = 8_192;

/** An entry of type `gc`, as Node documents it. */
interface Collection extends PerformanceEntry {
  readonly detail: { readonly kind: number };
}

if (isMainThread) listen(process.env["HEARTH_BENCH_ALLOCATIONS"] ?? "allocations.json");

function listen(file: string): void {
  let ends: (() => void) | undefined;
  process.on("SIGUSR2", () => {
    if (ends === undefined) ends = record(file);
    else ends();
  });
}

/** @returns what ends the record and writes it */
function record(file: string): () => void {
  const session = new Session();
  session.connect();
  let scavenges = 0;
  let collectingMs = 0;
  const collections = new PerformanceObserver((list) => {
    for (const { duration, detail } of list.getEntries() as Collection[]) {
      collectingMs += duration;
      if (detail.kind === constants.NODE_PERFORMANCE_GC_MINOR) scavenges += 1;
    }
  });
  collections.observe({ entryTypes: ["gc"] });
  session.post("HeapProfiler.startSampling", {
    samplingInterval: SAMPLING_BYTES,
    // What has been collected was allocated all the same.
    ...{ includeObjectsCollectedByMajorGC: true, includeObjectsCollectedByMinorGC: true },
  });
  return () => {
    session.post("HeapProfiler.stopSampling", (_error, { profile }) => {
      const record: AllocationRecord = { head: profile.head as AllocationNode, scavenges, collectingMs };
      writeFileSync(`${file}.part`, JSON.stringify(record));
      renameSync(`${file}.part`, file);
    });
  };
}
