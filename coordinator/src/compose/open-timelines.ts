import type { Clock } from "@hearth/platform";
import type { LiveOperator } from "../operator/operator-document.js";
import { RecentRequests } from "../timeline/recent-requests.js";
import { openTracing, type Tracing } from "../tracing/open-tracing.js";
import type { TracingSettings } from "../tracing/settings.js";

export interface TimelineOptions {
  readonly clock: Clock;
  readonly tracing: TracingSettings | undefined;
}

/** What is remembered of requests, and told to others. */
export interface Timelines {
  readonly timelines: RecentRequests;
  readonly tracing: Tracing;
}

export async function openTimelines(live: LiveOperator, { clock, tracing }: TimelineOptions): Promise<Timelines> {
  const timelines = new RecentRequests({ clock, settings: () => live.current.timelines });
  return { timelines, tracing: await openTracing(tracing, timelines) };
}
