import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock, Rng } from "@hearth/platform";
import { MemoryRateLimiter, type RateLimiter } from "../accounts/rate-limiter.js";
import { Cluster, type Reloads } from "../cluster/cluster.js";
import type { NodeDoor } from "../cluster/node-links.js";
import type { NewsTopic } from "../cluster/shared-news.js";
import type { Config } from "../config.js";
import type { FleetDirectory } from "../fleet/provider-directory.js";
import type { Registry } from "../fleet/registry.js";
import type { TroubleSource } from "../platform/health.js";
import type { Ids } from "../platform/ids.js";
import type { Logger } from "../platform/logger.js";
import type { SharedCounts, SharedEntries } from "../platform/shared-entries.js";
import type { ProviderContexts } from "../sealing/provider-contexts.js";
import type { SharedReplays } from "../sealing/sealing-keys.js";
import { connectionCapacity } from "./create-server.js";

/** The fleet as this coordinator has it: its own machines, or those of all coordinators. */
export interface OpenCluster {
  readonly directory: FleetDirectory;
  readonly trouble: TroubleSource;
  /** Streams of other coordinators with machines of this one. */
  readonly relayed: () => number;
  readonly rateLimiter: RateLimiter;
  /** How requests that come sealed are opened, where all coordinators open the same ones. */
  readonly sealing: { readonly secret: string; readonly replays: SharedReplays } | undefined;
  /** What all coordinators remember together for a while; `undefined` = there are no others. */
  readonly shared: Shared | undefined;
  /** Asks to do for all what only one does at a time. @returns whether it is this one's turn now */
  turn(what: string): () => boolean;
  /** Something that other coordinators remember has changed here. */
  tell(topic: NewsTopic, id: string): void;
  /** From now on what others change is read anew. */
  listen(reloads: Reloads): void;
  /** Takes an upgrade of another coordinator. @returns `false` for one to another path */
  accept(request: IncomingMessage, raw: Duplex, head: Buffer, door: NodeDoor): boolean;
  /** @param url where it listens */
  start(url: string): Promise<void>;
  /** The others send it nothing new. */
  drain(): Promise<void>;
  stop(): Promise<void>;
}

/** Each by what it is. */
export interface Shared {
  readonly sessions: SharedEntries;
  readonly links: SharedEntries;
  readonly grants: SharedEntries;
  readonly guesses: SharedCounts;
}

export interface OpenClusterDeps {
  readonly config: Pick<Config, "cluster" | "maxConnections">;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly ids: Ids;
  readonly log: Logger;
  readonly registry: Registry;
  readonly contexts: Pick<ProviderContexts, "forget">;
  /** What it is called among the others. */
  readonly node: string;
}

/** @returns without `REDIS_URL`, a fleet of which this coordinator has all machines */
export function openCluster({ config, contexts, ...deps }: OpenClusterDeps): OpenCluster {
  if (config.cluster === undefined) return alone(deps);
  const cluster = new Cluster({
    ...deps,
    settings: config.cluster,
    capacity: config.maxConnections ?? connectionCapacity(),
    hooks: { gone: (link) => contexts.forget(link) },
  });
  return {
    directory: cluster.directory,
    trouble: cluster.trouble,
    relayed: () => cluster.relayed,
    shared: {
      sessions: cluster.entries.of("sessions"),
      links: cluster.entries.of("links"),
      grants: cluster.entries.of("grants"),
      guesses: cluster.entries.counts("guesses"),
    },
    rateLimiter: cluster.rateLimiter,
    sealing: { secret: cluster.sealingSecret, replays: cluster.replays },
    turn: (what) => cluster.turns.join(what),
    tell: (...news) => cluster.tell(...news),
    listen: (reloads) => cluster.listen(reloads),
    accept: (...upgrade) => cluster.accept(...upgrade),
    start: (url) => cluster.start(Number(new URL(url).port)),
    drain: () => cluster.drain(),
    stop: () => cluster.stop(),
  };
}

function alone({ registry, clock }: Pick<OpenClusterDeps, "registry" | "clock">): OpenCluster {
  return {
    directory: registry,
    trouble: () => undefined,
    relayed: () => 0,
    shared: undefined,
    rateLimiter: new MemoryRateLimiter(clock),
    sealing: undefined,
    turn: () => () => true,
    tell() {},
    listen() {},
    accept: () => false,
    start: async () => {},
    drain: async () => {},
    stop: async () => {},
  };
}
