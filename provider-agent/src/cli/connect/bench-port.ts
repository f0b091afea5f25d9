import type { Clock, Rng } from "@hearth/platform";
import type { Backend } from "../../backends/backend.js";
import { createBackends } from "../../backends/create-backends.js";
import { BenchStore } from "../../bench/bench-store.js";
import { runBench } from "../../bench/run-bench.js";
import { SHIPPED_MODEL } from "../../config/backend-config.js";
import { machineFacts } from "../../machine/hardware.js";
import { AgentError } from "../../platform/agent-error.js";
import { requireDataDirectory } from "../../platform/data-directory.js";
import { createLogger } from "../../platform/logger.js";
import { AGENT_VERSION } from "../../version.js";
import type { BenchPort } from "../ports.js";

export interface BenchDeps {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly wallTime: () => number;
}

/** Measures the configured backends, and keeps what was measured. */
export function benchPort(deps: BenchDeps): BenchPort {
  return {
    async run(settings, { models, progress }, signal) {
      // Before minutes of measuring: what is measured is kept there.
      requireDataDirectory(settings.dataDir);
      const store = new BenchStore({
        dataDir: settings.dataDir,
        chip: (await machineFacts()).chip,
        agentVersion: AGENT_VERSION,
        wallTime: deps.wallTime,
      });
      const making = { ...deps, log: createLogger("silent"), fallbackModelPath: SHIPPED_MODEL };
      const backends: Backend[] = [];
      try {
        for (const config of settings.backends) backends.push(await createBackends([config], making, signal));
        const options = {
          ...deps,
          backends,
          models,
          progress,
          measured: (bench: Parameters<BenchStore["put"]>[0]) => store.put(bench),
        };
        return await runBench(options, signal);
      } catch (error) {
        if (signal.aborted)
          throw new AgentError("cancelled", "Cancelled; what was measured is kept.", { cause: error });
        throw error;
      } finally {
        await Promise.all(backends.map((backend) => backend.stop()));
      }
    },
  };
}
