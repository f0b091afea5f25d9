import { ApiError, type ApiErrorKind } from "./errors.js";
import { eventsOf } from "./events.js";
import { send } from "./request.js";
import type { LiveSnapshot, RequestSummary } from "./types.js";

const LIVE_PATH = "/admin/live";
/** Ten minutes at one each two seconds. */
const MOST_POINTS = 300;
const MOST_REQUESTS = 50;
const FIRST_WAIT_MS = 1_000;
const MOST_WAIT_MS = 30_000;
const FOR_GOOD: ReadonlySet<ApiErrorKind> = new Set(["missing", "forbidden", "signed_out"]);

export interface LivePoint extends LiveSnapshot {
  /** When it came, seconds since 1970. */
  readonly at: number;
}

export interface Live {
  readonly state: "connecting" | "live" | "lost" | "missing";
  readonly points: readonly LivePoint[];
  /** Newest first. */
  readonly requests: readonly RequestSummary[];
  /** Requests that ended and were too many to be told one by one. */
  readonly skipped: number;
}

const NOTHING_YET: Live = { state: "connecting", points: [], requests: [], skipped: 0 };

/**
 * What the coordinator tells of itself as it happens. It listens while somebody looks, and keeps what it heard: who comes
 * back to a page finds its charts as they were.
 */
export class LiveFeed {
  #live: Live = NOTHING_YET;
  #listening: AbortController | undefined;
  readonly #watchers = new Set<() => void>();

  readonly snapshot = (): Live => this.#live;

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
    };
  };

  async #listen(signal: AbortSignal): Promise<void> {
    let waitMs = FIRST_WAIT_MS;
    while (!signal.aborted) {
      const end = await this.#hear(signal);
      if (signal.aborted) return;
      this.#change({ state: end === "missing" ? "missing" : "lost" });
      if (end === "missing") return;
      waitMs = end === "heard" ? FIRST_WAIT_MS : Math.min(MOST_WAIT_MS, waitMs * 2);
      await pause(waitMs, signal);
    }
  }

  /** One connection, to its end. `missing`: another one would bring nothing either. */
  async #hear(signal: AbortSignal): Promise<"heard" | "failed" | "missing"> {
    let end: "heard" | "failed" = "failed";
    try {
      const response = await send(LIVE_PATH, { signal });
      for await (const { event, data } of eventsOf(response)) {
        if (signal.aborted) return end;
        this.#take(event, data);
        end = "heard";
      }
      return end;
    } catch (thrown) {
      return FOR_GOOD.has(ApiError.from(thrown).kind) ? "missing" : end;
    }
  }

  #take(event: string, data: string): void {
    const { points, requests, skipped } = this.#live;
    if (event === "snapshot") {
      const snapshot = JSON.parse(data) as LiveSnapshot;
      const point: LivePoint = { ...snapshot, at: Date.now() / 1_000 };
      this.#change({
        state: "live",
        points: [...points, point].slice(-MOST_POINTS),
        skipped: skipped + (snapshot.skipped ?? 0),
      });
    } else if (event === "request") {
      const request = JSON.parse(data) as RequestSummary;
      this.#change({ state: "live", requests: [request, ...requests].slice(0, MOST_REQUESTS) });
    }
  }

  #change(change: Partial<Live>): void {
    this.#live = { ...this.#live, ...change };
    for (const watcher of this.#watchers) watcher();
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
