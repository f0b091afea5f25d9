import type { Clock } from "@hearth/platform";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { Handler, Hono } from "hono";
import { z } from "zod";
import { openAiErrorBody } from "../api/error-envelope.js";
import { named } from "../api/named-schemas.js";
import { NodeConsumer } from "../http/node-consumer.js";
import { described, type Operation } from "../http/openapi/operation.js";
import { Presence } from "../http/presence.js";
import type { HttpEnv } from "../http/routing.js";
import { describeSummary, REQUEST_SUMMARY } from "../http/timeline/request-forms.js";
import { HearthError } from "../platform/errors.js";
import type { FleetChanges, FleetFeed } from "./fleet-feed.js";
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

const FLEET: Operation = {
  id: "watchFleet",
  audience: "Operator",
  summary: "Watch how machines change, as server-sent events",
  description:
    "`ready`, at once, and again where a slow reader has missed something: whoever asks for the list of machines after it and " +
    "takes in what follows has the fleet as it is. `fleet`: the machines that have changed within the last second, 1,000 at " +
    "most, the rest a second later. The stream ends after half an hour.",
  answer: "text/event-stream",
  event: named(
    "FleetEvent",
    z.object({
      machines: z.array(
        z.object({
          id: z.string(),
          status: z.enum(["serving", "draining", "offline"]),
          in_flight: count,
          troubled: z.boolean().meta({ description: "Connected, but something about it keeps requests away." }),
        }),
      ),
      gone: z.array(z.string()).meta({ description: "Those that are not expected back." }),
    }),
  ),
};

/** Something that a stream tells. */
interface Watch {
  subscribe(write: (text: string) => void): Disposable;
  /** What a reader is told who has missed something. */
  readonly missed?: string;
}

export interface LiveRouteDeps {
  readonly fleetFeed: Pick<FleetFeed, "subscribe">;
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
  const streamed =
    (watch: Watch): Handler<HttpEnv> =>
    async (c) => {
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
        await watched(consumer, { ...deps, watch }, presence.signal);
        consumer.endStream();
      } finally {
        watchers -= 1;
        consumer.close();
      }
      return RESPONSE_ALREADY_SENT;
    };
  const live: Watch = { subscribe: (write) => deps.liveFeed.subscribe((event) => write(textOf(event))) };
  admin.get("/live", described(LIVE, streamed(live)));
  admin.get("/live/fleet", described(FLEET, streamed(fleetWatch(deps.fleetFeed))));
}

/** One text for all who watch. */
function fleetWatch(fleetFeed: LiveRouteDeps["fleetFeed"]): Watch {
  let last: FleetChanges | undefined;
  let text = "";
  return {
    subscribe(write) {
      write("event: ready\ndata: {}\n\n");
      return fleetFeed.subscribe((changes) => {
        if (changes !== last) text = `event: fleet\ndata: ${JSON.stringify(changes)}\n\n`;
        last = changes;
        write(text);
      });
    },
    // What was missed is in the list alone.
    missed: "event: ready\ndata: {}\n\n",
  };
}

/** Resolves when the stream is to end: nobody reads it any more, it has lasted long enough, or the coordinator stops. */
function watched(
  consumer: Pick<NodeConsumer, "write">,
  { watch, clock, ready }: Pick<LiveRouteDeps, "clock" | "ready"> & { readonly watch: Watch },
  signal: AbortSignal,
): Promise<void> {
  const endsAt = clock.now() + MAX_STREAM_MS;
  return new Promise((resolve) => {
    let isSlow = false;
    let hasMissed = false;
    const end = (): void => {
      watching[Symbol.dispose]();
      looking[Symbol.dispose]();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const write = (text: string): void => {
      // Who reads slowly misses some.
      if (isSlow) hasMissed = true;
      else {
        const drained = consumer.write(text);
        if (drained === undefined) return;
        isSlow = true;
        drained.then(() => {
          isSlow = false;
          if (hasMissed && watch.missed !== undefined) write(watch.missed);
          hasMissed = false;
        }, end);
      }
    };
    const watching = watch.subscribe(write);
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
