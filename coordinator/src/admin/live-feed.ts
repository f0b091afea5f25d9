import type { Clock } from "@hearth/platform";
import { repeat } from "@hearth/platform";
import type { Provider } from "../fleet/provider.js";
import type { ProviderDirectory } from "../fleet/provider-directory.js";
import type { LiveNumbers } from "../timeline/live-stats.js";
import type { EndedWatcher } from "../timeline/recent-requests.js";
import type { Timeline } from "../timeline/request-facts.js";

/** How often everything is counted, ms. */
const SNAPSHOT_MS = 2_000;
/** Requests that are told one by one in a second; the rest is counted. */
const REQUESTS_A_SECOND = 20;
/** Machines whose change is told one by one with a snapshot. */
const PROVIDERS_AT_ONCE = 200;

/** How everything is now. */
export interface Snapshot extends LiveNumbers {
  readonly providers: Readonly<Record<Provider["status"], number>>;
  readonly inFlight: number;
  readonly queued: number;
  /** Requests and machines that were not told one by one since the last. */
  readonly skipped: number;
}

export type LiveEvent =
  | { readonly type: "snapshot"; readonly snapshot: Snapshot }
  | { readonly type: "request"; readonly request: Timeline }
  | { readonly type: "provider"; readonly id: string; readonly status: Provider["status"] | "gone" };

export interface LiveFeedDeps {
  readonly clock: Clock;
  readonly directory: Pick<ProviderDirectory, "providers">;
  readonly timelines: { watch(ended: EndedWatcher): Disposable };
  readonly numbers: () => LiveNumbers;
  readonly inFlight: () => number;
  readonly queued: () => number;
}

type Listener = (event: LiveEvent) => void;

/** What happens now, made once for all who watch; while nobody does, nothing is. */
export class LiveFeed {
  readonly #deps: LiveFeedDeps;
  readonly #listeners = new Set<Listener>();
  #running: readonly Disposable[] = [];
  #statuses = new Map<string, Provider["status"]>();
  #second = 0;
  #told = 0;
  #skipped = 0;

  constructor(deps: LiveFeedDeps) {
    this.#deps = deps;
  }

  /** Tells how everything is, and from then on what happens. */
  subscribe(listener: Listener): Disposable {
    if (this.#listeners.size === 0) this.#begin();
    this.#listeners.add(listener);
    listener({ type: "snapshot", snapshot: this.#snapshot(countOf(this.#statuses), 0) });
    return {
      [Symbol.dispose]: () => {
        if (this.#listeners.delete(listener) && this.#listeners.size === 0) this.#end();
      },
    };
  }

  #begin(): void {
    const { clock, timelines } = this.#deps;
    this.#statuses = this.#statusesNow();
    this.#skipped = 0;
    this.#running = [repeat(clock, SNAPSHOT_MS, () => this.#tick()), timelines.watch((ended) => this.#ended(ended))];
  }

  #end(): void {
    for (const each of this.#running) each[Symbol.dispose]();
    this.#running = [];
  }

  #tick(): void {
    this.#tellProviders();
    const skipped = this.#skipped;
    this.#skipped = 0;
    this.#tell({ type: "snapshot", snapshot: this.#snapshot(countOf(this.#statuses), skipped) });
  }

  #tellProviders(): void {
    const before = this.#statuses;
    const now = this.#statusesNow();
    this.#statuses = now;
    let told = 0;
    const tell = (id: string, status: Provider["status"] | "gone"): void => {
      if (told++ < PROVIDERS_AT_ONCE) this.#tell({ type: "provider", id, status });
      else this.#skipped += 1;
    };
    for (const [id, status] of now) if (before.get(id) !== status) tell(id, status);
    for (const id of before.keys()) if (!now.has(id)) tell(id, "gone");
  }

  #ended(request: Timeline): void {
    const second = Math.floor(this.#deps.clock.now() / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#told = 0;
    }
    if (this.#told >= REQUESTS_A_SECOND) {
      this.#skipped += 1;
      return;
    }
    this.#told += 1;
    this.#tell({ type: "request", request });
  }

  #tell(event: LiveEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  #snapshot(providers: Snapshot["providers"], skipped: number): Snapshot {
    const { numbers, inFlight, queued } = this.#deps;
    return { providers, inFlight: inFlight(), queued: queued(), ...numbers(), skipped };
  }

  #statusesNow(): Map<string, Provider["status"]> {
    const statuses = new Map<string, Provider["status"]>();
    for (const { id, status } of this.#deps.directory.providers()) statuses.set(id, status);
    return statuses;
  }
}

function countOf(statuses: ReadonlyMap<string, Provider["status"]>): Snapshot["providers"] {
  const counts = { serving: 0, draining: 0, offline: 0 };
  for (const status of statuses.values()) counts[status] += 1;
  return counts;
}
