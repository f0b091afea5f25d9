// Preloaded into the program that is measured, with `--import …/loop-watch.js?port=PORT`: tells on that port how long
// its event loop was held since the last time it was asked, and the CPU that it took, and begins anew.
import { createServer } from "node:http";
import { monitorEventLoopDelay } from "node:perf_hooks";

/** How often the loop is looked at, ms. */
const RESOLUTION_MS = 1;

const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delays.enable();
let cpu = process.cpuUsage();

const server = createServer((_request, response) => {
  const { user, system } = process.cpuUsage(cpu);
  const heldMs = Math.max(0, delays.max / 1e6 - RESOLUTION_MS);
  response.end(JSON.stringify({ heldMs, cpuMs: (user + system) / 1000 }), () => {
    delays.reset();
    cpu = process.cpuUsage();
  });
});
server.listen(Number(new URL(import.meta.url).searchParams.get("port")), "127.0.0.1");
server.unref();
