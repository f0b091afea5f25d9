import { type Clock, repeat } from "@hearth/platform";
import type { ProviderDirectory } from "../fleet/provider-directory.js";
import type { HealthSettings, Trouble, TroubleSource } from "../platform/health.js";
import { ProcessVitals, type Vitals } from "../platform/process-vitals.js";
import { RecentPeak } from "../platform/recent-peak.js";

const HOUR_MS = 3_600_000;
/** How long what is told of the event loop is about, ms, and how often the machines are counted. */
const WINDOW_MS = 10_000;

export interface HealthWatch extends Disposable {
  /** All that is wrong now. */
  readonly troubles: () => readonly Trouble[];
}

export interface HealthWatchDeps {
  readonly clock: Clock;
  readonly directory: Pick<ProviderDirectory, "size">;
  /** What is wrong with log and store. */
  readonly disk: { readonly troubles: () => readonly Trouble[] };
  /** What is wrong with what coordinators share; absent = they share nothing. */
  readonly trouble?: TroubleSource;
  /** Read at each use. */
  readonly settings: () => HealthSettings;
  readonly vitals?: Pick<ProcessVitals, "turn" | "read"> & Disposable;
}

/** Watches the process, its disk and its fleet, from now on. */
export function watchHealth({ vitals = new ProcessVitals(), ...deps }: HealthWatchDeps): HealthWatch {
  const { clock, directory, disk, trouble, settings } = deps;
  const most = new RecentPeak(HOUR_MS);
  const look = repeat(clock, WINDOW_MS, () => {
    vitals.turn();
    most.note(directory.size, clock.now());
  });
  const missing = (): Trouble | undefined =>
    directory.size < most.value * settings().providersLeft ? "providers_missing" : undefined;
  return {
    troubles() {
      const [now, limits] = [vitals.read(), settings()];
      const found = [trouble?.(), loopTrouble(now, limits), heapTrouble(now, limits), missing()];
      return [...disk.troubles(), ...found.filter((trouble) => trouble !== undefined)];
    },
    [Symbol.dispose]() {
      look[Symbol.dispose]();
      vitals[Symbol.dispose]();
    },
  };
}

function loopTrouble({ lagMs, worstLagMs }: Vitals, { slowMs, stalledMs }: HealthSettings): Trouble | undefined {
  if (worstLagMs >= stalledMs) return "event_loop_stalled";
  return lagMs >= slowMs ? "event_loop_slow" : undefined;
}

function heapTrouble({ heapShare }: Vitals, { heapHigh, heapExhausted }: HealthSettings): Trouble | undefined {
  if (heapShare >= heapExhausted) return "heap_exhausted";
  return heapShare >= heapHigh ? "heap_high" : undefined;
}
