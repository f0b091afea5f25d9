import { availableParallelism, cpus, freemem, loadavg, totalmem } from "node:os";
import type { Hardware, HeartbeatFrame } from "@hearth/protocol";

/** What this machine is. */
export function readHardware(): Hardware {
  const chip = cpus()[0]?.model.trim().slice(0, 256);
  return {
    platform: process.platform,
    arch: process.arch,
    cpu_cores: availableParallelism(),
    memory_bytes: totalmem(),
    ...(chip ? { chip } : {}),
  };
}

/** How this machine is now. */
export function readVitals(): Pick<HeartbeatFrame, "memory_free_bytes" | "memory_pressure" | "cpu_load"> {
  const load = Math.min(1, (loadavg()[0] ?? 0) / availableParallelism());
  // macOS counts its file cache as used: what it calls free says nothing about room.
  if (process.platform === "darwin") return { cpu_load: load };
  const free = freemem();
  return { cpu_load: load, memory_free_bytes: free, memory_pressure: Math.max(0, Math.min(1, 1 - free / totalmem())) };
}
