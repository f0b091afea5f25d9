import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock, Rng } from "@hearth/platform";
import { Cluster } from "../cluster/cluster.js";
import type { NodeDoor } from "../cluster/node-links.js";
import type { Config } from "../config.js";
import type { FleetDirectory } from "../fleet/provider-directory.js";
import type { Registry } from "../fleet/registry.js";
import type { TroubleSource } from "../platform/health.js";
import type { Ids } from "../platform/ids.js";
import type { Logger } from "../platform/logger.js";
import type { ProviderContexts } from "../sealing/provider-contexts.js";
import { connectionCapacity } from "./create-server.js";

/** The fleet as this coordinator has it: its own machines, or those of all coordinators. */
export interface OpenCluster {
  readonly directory: FleetDirectory;
  readonly trouble: TroubleSource;
  /** Streams of other coordinators with machines of this one. */
  readonly relayed: () => number;
  /** Takes an upgrade of another coordinator. @returns `false` for one to another path */
  accept(request: IncomingMessage, raw: Duplex, head: Buffer, door: NodeDoor): boolean;
  /** @param url where it listens */
  start(url: string): Promise<void>;
  /** The others send it nothing new. */
  drain(): Promise<void>;
  stop(): Promise<void>;
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
  if (config.cluster === undefined) return alone(deps.registry);
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
    accept: (...upgrade) => cluster.accept(...upgrade),
    start: (url) => cluster.start(Number(new URL(url).port)),
    drain: () => cluster.drain(),
    stop: () => cluster.stop(),
  };
}

function alone(registry: Registry): OpenCluster {
  return {
    directory: registry,
    trouble: () => undefined,
    relayed: () => 0,
    accept: () => false,
    start: async () => {},
    drain: async () => {},
    stop: async () => {},
  };
}
