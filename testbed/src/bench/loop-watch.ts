// Preloaded into the program that is measured, with `--import …/loop-watch.js?port=PORT`: tells on that port how long
// its event loop was held since the last time it was asked, and the CPU that it took, and begins anew.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { monitorEventLoopDelay } from "node:perf_hooks";

/** What it tells. */
export interface LoopReport {
  /** The longest that the loop was held, and what 99 of 100 looks at it do not exceed, ms of the wall. */
  readonly heldMs: number;
  readonly p99Ms: number;
  /** The most CPU that the loop's thread took between two looks, ms: what it did itself, whatever else the machine did. */
  readonly busiestMs: number;
  /** Of all threads, ms. */
  readonly cpuMs: number;
}

const { searchParams } = new URL(import.meta.url);
/** How often the loop is looked at, ms. */
const RESOLUTION_MS = Number(searchParams.get("resolution") ?? 1);
/** How often it is looked at how much CPU the loop took, ms. */
const CPU_LOOK_MS = 10;

const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delays.enable();
let cpu = process.cpuUsage();
let busiestMs = 0;
let threadMs = threadCpuMs();
setInterval(() => {
  const now = threadCpuMs();
  busiestMs = Math.max(busiestMs, now - threadMs);
  threadMs = now;
}, CPU_LOOK_MS).unref();

const server = createServer((_request, response) => {
  const { user, system } = process.cpuUsage(cpu);
  const report: LoopReport = {
    heldMs: Math.max(0, delays.max / 1e6 - RESOLUTION_MS),
    p99Ms: Math.max(0, delays.percentile(99) / 1e6 - RESOLUTION_MS),
    busiestMs,
    cpuMs: (user + system) / 1000,
  };
  response.end(JSON.stringify(report), () => {
    delays.reset();
    busiestMs = 0;
    cpu = process.cpuUsage();
  });
});
server.listen(Number(searchParams.get("port")), "127.0.0.1");
server.unref();

/** CPU of this thread so far, ms; 0 where only Linux would tell. */
function threadCpuMs(): number {
  try {
    return Number(readFileSync("/proc/thread-self/schedstat", "latin1").split(" ", 1)[0]) / 1e6;
  } catch {
    return 0;
  }
}
