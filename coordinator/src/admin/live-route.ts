import type { Clock } from "@hearth/platform";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { Hono } from "hono";
import { z } from "zod";
import { openAiErrorBody } from "../api/error-envelope.js";
import { named } from "../api/named-schemas.js";
import { NodeConsumer } from "../http/node-consumer.js";
import { described, type Operation } from "../http/openapi/operation.js";
import { Presence } from "../http/presence.js";
import type { HttpEnv } from "../http/routing.js";
import { describeSummary, REQUEST_SUMMARY } from "../http/timeline/request-forms.js";
import { HearthError } from "../platform/errors.js";
import type { LiveEvent, LiveFeed, Snapshot } from "./live-feed.js";

/** Who may watch at once. */
const MAX_WATCHERS = 64;
/** A stream ends after this long, and its reader comes again with a key that is still good, ms. */
const MAX_STREAM_MS = 30 * 60_000;
/** How often it is looked whether the coordinator stops: a stream would hold that up, ms. */
const LOOK_MS = 500;

const count = z.int().min(0);
const snapshotSchema = z.object({
  providers: z.object({ serving: count, draining: count, offline: count }),
  in_flight: count.meta({ description: "Requests of the API that are being answered." }),
  queued: count,
  requests_per_second: z.number(),
  tokens_per_second: z.number(),
  ttft_ms: z
    .object({ p50: z.number(), p95: z.number(), p99: z.number() })
    .nullable()
    .meta({ description: "`null` = no answer has begun within the last minute." }),
  errors: z.array(z.object({ code: z.string(), count })),
  skipped: count.meta({ description: "Requests and machines that were not told one by one since the last." }),
});

const LIVE: Operation = {
  id: "watchLive",
  audience: "Operator",
  summary: "Watch what happens, as server-sent events",
  description:
    "`snapshot`, at once and every 2 s: rates, times and errors are of the last minute. `request`: one that has ended, at most " +
    "20 a second. `provider`: `{id, status}` of a machine that has changed, `gone` where it is not expected back. The stream " +
    "ends after half an hour.",
  answer: "text/event-stream",
  event: named("LiveEvent", z.union([named("LiveSnapshot", snapshotSchema), REQUEST_SUMMARY])),
};

export interface LiveRouteDeps {
  readonly liveFeed: Pick<LiveFeed, "subscribe">;
  readonly clock: Clock;
  /** False on the way out. */
  readonly ready: () => boolean;
  /** Aborted when the drain is over. */
  readonly shutdown: AbortSignal;
}

/** Tells what happens while somebody watches. */
export function liveRoute(admin: Hono<HttpEnv>, deps: LiveRouteDeps): void {
  let watchers = 0;
  admin.get(
    "/live",
    described(LIVE, async (c) => {
      if (watchers >= MAX_WATCHERS) {
        throw new HearthError("rate_limit_exceeded", `${MAX_WATCHERS} streams of this are open already.`, {
          retryAfterSeconds: 30,
        });
      }
      const { outgoing } = c.env;
      using presence = new Presence(outgoing, deps.shutdown, deps.clock);
      const consumer = new NodeConsumer(outgoing, deps.clock, openAiErrorBody);
      watchers += 1;
      try {
        consumer.openStream();
        await watched(consumer, deps, presence.signal);
        consumer.endStream();
      } finally {
        watchers -= 1;
        consumer.close();
      }
      return RESPONSE_ALREADY_SENT;
    }),
  );
}

/** Resolves when the stream is to end: nobody reads it any more, it has lasted long enough, or the coordinator stops. */
function watched(
  consumer: Pick<NodeConsumer, "write">,
  { liveFeed, clock, ready }: LiveRouteDeps,
  signal: AbortSignal,
): Promise<void> {
  const endsAt = clock.now() + MAX_STREAM_MS;
  return new Promise((resolve) => {
    let isSlow = false;
    const end = (): void => {
      watching[Symbol.dispose]();
      looking[Symbol.dispose]();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const watching = liveFeed.subscribe((event) => {
      // Who reads slowly misses some; the next snapshot tells how everything is.
      if (isSlow) return;
      const drained = consumer.write(textOf(event));
      if (drained === undefined) return;
      isSlow = true;
      drained.then(() => {
        isSlow = false;
      }, end);
    });
    const look = (): void => {
      if (!ready() || clock.now() >= endsAt) end();
      else looking = clock.setTimer(LOOK_MS, look);
    };
    let looking = clock.setTimer(LOOK_MS, look);
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
  });
}

function textOf(event: LiveEvent): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(dataOf(event))}\n\n`;
}

function dataOf(event: LiveEvent): object {
  switch (event.type) {
    case "snapshot":
      return describe(event.snapshot);
    case "request":
      return describeSummary(event.request);
    case "provider":
      return { id: event.id, status: event.status };
  }
}

const rate = (each: number): number => Math.round(each * 100) / 100;

function describe(snapshot: Snapshot): z.infer<typeof snapshotSchema> {
  return {
    providers: { ...snapshot.providers },
    in_flight: snapshot.inFlight,
    queued: snapshot.queued,
    requests_per_second: rate(snapshot.requestsPerSecond),
    tokens_per_second: rate(snapshot.tokensPerSecond),
    ttft_ms: snapshot.ttftMs === undefined ? null : { ...snapshot.ttftMs },
    errors: [...snapshot.errors],
    skipped: snapshot.skipped,
  };
}
