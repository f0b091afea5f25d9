import type { Clock } from "@hearth/platform";
import type { AgentConfig } from "../config.js";
import type { BusyTime } from "../energy/busy-time.js";
import { DrawWatch, drawFile } from "../energy/draw-watch.js";
import { electricityOf } from "../energy/electricity-of.js";
import type { ElectricityStatus } from "../local/agent-status.js";
import { powerMeter } from "../machine/power-meter.js";
import { runTool } from "../machine/run-tool.js";

/** What requests cost in electricity, estimated. */
export interface Electricity extends Disposable {
  /** @returns `undefined` when the owner has set no price */
  status(): ElectricityStatus | undefined;
}

export interface ElectricityDeps {
  readonly config: Pick<AgentConfig, "electricity" | "dataDir" | "name">;
  readonly clock: Clock;
  readonly busyTime: BusyTime;
}

/** Measures the machine's power only where its owner wants an estimate, and has not said the watts. */
export function createElectricity({ config, clock, busyTime }: ElectricityDeps): Electricity {
  const { electricity, dataDir, name } = config;
  if (electricity === undefined) return { status: () => undefined, [Symbol.dispose]() {} };
  const watch =
    electricity.extraWatts === undefined
      ? new DrawWatch({
          clock,
          meter: powerMeter({ platform: process.platform, run: runTool, clock }),
          busyTime,
          store: drawFile(dataDir, name),
        })
      : undefined;
  return {
    status: () => electricityOf(electricity, busyTime.sums(), () => watch?.current ?? { type: "no_meter" }),
    [Symbol.dispose]: () => watch?.[Symbol.dispose](),
  };
}
