import { ApiError, type ApiErrorKind } from "./errors.js";
import { eventsOf } from "./events.js";
import { send } from "./request.js";
import type { MachineNow } from "./types.js";

const FLEET_PATH = "/admin/live/fleet";
const FIRST_WAIT_MS = 1_000;
const MOST_WAIT_MS = 30_000;
const FOR_GOOD: ReadonlySet<ApiErrorKind> = new Set(["missing", "forbidden", "signed_out"]);

export interface LiveFleet {
  /** Whether changes are told as they happen. */
  readonly isLive: boolean;
  /** Grows whenever the list has to be asked for anew: what was told so far is not all. */
  readonly epoch: number;
  /** What has changed since the list was asked for, by machine; `null` = it is gone. */
  readonly changes: ReadonlyMap<string, MachineNow | null>;
}

const NOTHING_YET: LiveFleet = { isLive: false, epoch: 0, changes: new Map() };

interface FleetEvent {
  readonly machines: readonly MachineNow[];
  readonly gone: readonly string[];
}

/** How machines change, as long as a page looks. */
export class LiveFleetFeed {
  #fleet: LiveFleet = NOTHING_YET;
  #listening: AbortController | undefined;
  readonly #watchers = new Set<() => void>();

  readonly snapshot = (): LiveFleet => this.#fleet;

  readonly subscribe = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    if (this.#listening === undefined) {
      this.#listening = new AbortController();
      void this.#listen(this.#listening.signal);
    }
    return () => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size > 0) return;
      this.#listening?.abort();
      this.#listening = undefined;
      this.#fleet = { ...NOTHING_YET, epoch: this.#fleet.epoch };
    };
  };

  async #listen(signal: AbortSignal): Promise<void> {
    for (let waitMs = FIRST_WAIT_MS; !signal.aborted; waitMs = Math.min(MOST_WAIT_MS, waitMs * 2)) {
      let isForGood = false;
      try {
        for await (const { event, data } of eventsOf(await send(FLEET_PATH, { signal }))) {
          if (signal.aborted) return;
          this.#take(event, data);
          waitMs = FIRST_WAIT_MS;
        }
      } catch (thrown) {
        isForGood = FOR_GOOD.has(ApiError.from(thrown).kind);
      }
      if (signal.aborted) return;
      this.#change({ isLive: false });
      if (isForGood) return;
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }

  #take(event: string, data: string): void {
    const { epoch, changes } = this.#fleet;
    if (event === "ready") this.#change({ isLive: true, epoch: epoch + 1, changes: new Map() });
    else if (event === "fleet") {
      const { machines, gone } = JSON.parse(data) as FleetEvent;
      const next = new Map(changes);
      for (const machine of machines) next.set(machine.id, machine);
      for (const id of gone) next.set(id, null);
      this.#change({ changes: next });
    }
  }

  #change(change: Partial<LiveFleet>): void {
    this.#fleet = { ...this.#fleet, ...change };
    for (const watcher of this.#watchers) watcher();
  }
}
