import type { Rng } from "@hearth/platform";
import { Cluster, Redis } from "ioredis";
import type { Logger } from "../platform/logger.js";
import { type ScriptedRedis, withScripts } from "./scripts.js";
import type { ClusterSettings } from "./settings.js";

/** A command that takes longer has failed, ms: nobody waits for a Redis that hangs. */
const COMMAND_TIMEOUT_MS = 1_000;
const CONNECT_TIMEOUT_MS = 2_000;
/** Between two attempts to connect, ms: half of it is chance, so that coordinators do not all come back at once. */
const RECONNECT_MS = { first: 50, longest: 2_000 };

/** The connections to Redis: one for commands, and one that only listens. */
export interface RedisConnections {
  readonly commands: ScriptedRedis;
  readonly subscriber: Redis | Cluster;
  /** Channels belong to one node of a Redis Cluster each. */
  readonly sharded: boolean;
  /** Resolves when commands can be said, or when the first attempt to connect has failed. */
  tried(): Promise<void>;
  close(): void;
}

/** Connects, and goes on trying in the background where nobody answers. */
export function connectRedis(
  { redis: urls }: Pick<ClusterSettings, "redis">,
  { log, rng }: { readonly log: Logger; readonly rng: Rng },
): RedisConnections {
  const retryMs = (times: number): number => {
    const longest = Math.min(RECONNECT_MS.longest, RECONNECT_MS.first * 2 ** Math.min(times, 10));
    return longest / 2 + rng.next() * (longest / 2);
  };
  const open = (isSubscriber: boolean): Redis | Cluster => {
    const connection = connect(urls, retryMs, isSubscriber);
    connection.on("error", (error: Error) => log.debug({ problem: error.message }, "redis connection error"));
    return connection;
  };
  const commands = withScripts(open(false));
  const subscriber = open(true);
  return {
    ...{ commands, subscriber },
    sharded: urls.length > 1,
    tried: () =>
      new Promise((resolve) => {
        if (commands.status === "ready") return resolve();
        for (const event of ["ready", "close"]) commands.once(event, () => resolve());
      }),
    close() {
      commands.disconnect();
      subscriber.disconnect();
    },
  };
}

function connect(urls: readonly string[], retryMs: (times: number) => number, isSubscriber: boolean): Redis | Cluster {
  const common = {
    connectTimeout: CONNECT_TIMEOUT_MS,
    // What cannot be said now is not said later: whoever wants it acts on the failure.
    enableOfflineQueue: isSubscriber,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: isSubscriber ? null : 0,
    enableAutoPipelining: !isSubscriber,
    ...(isSubscriber ? {} : { commandTimeout: COMMAND_TIMEOUT_MS }),
  };
  const [first, ...others] = urls;
  if (others.length === 0 && first !== undefined) return new Redis(first, { ...common, retryStrategy: retryMs });
  return new Cluster([...urls], {
    clusterRetryStrategy: retryMs,
    enableOfflineQueue: isSubscriber,
    enableAutoPipelining: !isSubscriber,
    redisOptions: common,
    shardedSubscribers: isSubscriber,
  });
}
