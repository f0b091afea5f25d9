import type { Clock } from "@hearth/platform";

import { AvailabilityMonitor } from "../availability/availability-monitor.js";
import { idleTimeReader } from "../availability/owner-activity.js";
import { PauseFile } from "../availability/pause-file.js";
import { powerSourceReader } from "../availability/power-source.js";
import type { AgentConfig } from "../config.js";
import { type MachineFacts, machineFacts } from "../machine/hardware.js";
import { runTool } from "../machine/run-tool.js";
import { VitalsMonitor } from "../machine/vitals.js";
import { memoryUsedOf } from "../machine/vitals-reading.js";
import { vitalsSource } from "../machine/vitals-source.js";

/** This machine, how it is now, and what its owner allows. */
export interface Machine extends Disposable {
  readonly facts: MachineFacts;
  readonly vitals: VitalsMonitor;
  readonly availability: AvailabilityMonitor;
}

export interface MachineDeps {
  readonly clock: Clock;
  readonly wallTime: () => number;
  /** Linux: the kind of the owner's desktop session (`XDG_SESSION_TYPE`). */
  readonly sessionType?: string | undefined;
}

/** Where starting a program to look at the owner is expensive, ms. */
const WINDOWS_PROBE_MS = 60_000;

/** Resolves when the owner and the machine have been looked at once. */
export async function createMachine(config: AgentConfig, deps: MachineDeps): Promise<Machine> {
  const { clock, wallTime, sessionType } = deps;
  const { platform } = process;
  const facts = await machineFacts();
  const vitals = new VitalsMonitor({ clock, source: vitalsSource({ platform, run: runTool }) });
  const availability = new AvailabilityMonitor({
    clock,
    wallTime,
    rules: { ...config.availability, memoryPercent: config.limits.memoryPercent },
    store: new PauseFile(config.dataDir),
    readIdleTime: idleTimeReader({ platform, run: runTool, wallTime, ...(sessionType && { sessionType }) }),
    readOnBattery: powerSourceReader({ platform, run: runTool }),
    memoryUsed: () => memoryUsedOf(vitals.current, facts.memoryBytes),
    ...(platform === "win32" && { probeIntervalMs: WINDOWS_PROBE_MS }),
  });
  await Promise.all([availability.ready, vitals.refresh()]);
  return {
    facts,
    vitals,
    availability,

    [Symbol.dispose]() {
      availability[Symbol.dispose]();
      vitals[Symbol.dispose]();
    },
  };
}
