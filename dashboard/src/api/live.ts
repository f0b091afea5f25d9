import { EventFeed } from "./event-feed.js";
import type { LiveSnapshot, RequestSummary } from "./types.js";

/** Ten minutes at one each two seconds. */
const MOST_POINTS = 300;
const MOST_REQUESTS = 50;

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

/** What the coordinator tells of itself. It keeps what it heard: who comes back to a page finds its charts as they were. */
export class LiveFeed extends EventFeed<Live> {
  constructor() {
    super("/admin/live", NOTHING_YET);
  }

  protected override take(event: string, data: string): void {
    const { points, requests, skipped } = this.snapshot();
    if (event === "snapshot") {
      const snapshot = JSON.parse(data) as LiveSnapshot;
      const point: LivePoint = { ...snapshot, at: Date.now() / 1_000 };
      this.change({
        state: "live",
        points: [...points, point].slice(-MOST_POINTS),
        skipped: skipped + (snapshot.skipped ?? 0),
      });
    } else if (event === "request") {
      const request = JSON.parse(data) as RequestSummary;
      this.change({ state: "live", requests: [request, ...requests].slice(0, MOST_REQUESTS) });
    }
  }

  protected override lost(isForGood: boolean): void {
    this.change({ state: isForGood ? "missing" : "lost" });
  }
}
