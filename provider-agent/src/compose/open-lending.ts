import type { Clock } from "@hearth/platform";
import type { HeartbeatFrame } from "@hearth/protocol";
import type { AgentConfig } from "../config.js";
import { type MachineFacts, machineFacts } from "../machine/hardware.js";
import { runTool } from "../machine/run-tool.js";
import { VitalsMonitor } from "../machine/vitals.js";
import { memoryUsedOf } from "../machine/vitals-reading.js";
import { vitalsSource } from "../machine/vitals-source.js";
import { Manners } from "../manners/manners.js";
import { idleTimeReader } from "../manners/owner-activity.js";
import { PauseFile } from "../manners/pause-file.js";
import { powerSourceReader } from "../manners/power-source.js";

/** The machine that is lent, how it is now, and whether its owner lends it. */
export interface Lending extends Disposable {
  readonly facts: MachineFacts;
  readonly vitals: VitalsMonitor;
  readonly manners: Manners;
  /** What heartbeats say of all that. */
  heartbeat(): Omit<HeartbeatFrame, "type" | "slots">;
}

export interface LendingDeps {
  readonly clock: Clock;
  readonly wallTime: () => number;
  /** Linux: the kind of the owner's desktop session (`XDG_SESSION_TYPE`). */
  readonly sessionType?: string | undefined;
}

/** Where starting a program to look at the owner is expensive, ms. */
const WINDOWS_PROBE_MS = 60_000;

/** Resolves when it is known whether the machine is lent now. */
export async function openLending(config: AgentConfig, deps: LendingDeps): Promise<Lending> {
  const { clock, wallTime, sessionType } = deps;
  const { platform } = process;
  const facts = await machineFacts();
  const vitals = new VitalsMonitor({ clock, source: vitalsSource({ platform, run: runTool }) });
  const manners = new Manners({
    clock,
    wallTime,
    rules: { ...config.availability, memoryPercent: config.limits.memoryPercent },
    store: new PauseFile(config.dataDir),
    readIdleTime: idleTimeReader({ platform, run: runTool, wallTime, ...(sessionType && { sessionType }) }),
    readOnBattery: powerSourceReader({ platform, run: runTool }),
    memoryUsed: () => memoryUsedOf(vitals.current, facts.memoryBytes),
    ...(platform === "win32" && { probeIntervalMs: WINDOWS_PROBE_MS }),
  });
  await Promise.all([manners.ready, vitals.refresh()]);
  return {
    facts,
    vitals,
    manners,
    heartbeat: () => ({ ...vitals.current, ...manners.heartbeat }),
    [Symbol.dispose]() {
      manners[Symbol.dispose]();
      vitals[Symbol.dispose]();
    },
  };
}
