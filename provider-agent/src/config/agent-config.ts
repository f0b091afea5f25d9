import type { AvailabilityWindow } from "./availability-window.js";
import type { BackendConfig } from "./backend-config.js";

/** Bounds that the owner sets on what is lent. */
export interface LimitsConfig {
  /** Requests at once; absent = as many as the backends take. */
  readonly maxConcurrency: number | undefined;
  /** The same for single models, by id. */
  readonly perModel: Readonly<Record<string, number>>;
  /** A request over the bound waits this long for its turn before it is refused. */
  readonly maxWaitSeconds: number;
  /** No new requests while more of the machine's memory than this is used; absent = no bound. */
  readonly memoryPercent: number | undefined;
}

/** When the machine is lent, and to whom. */
export interface AvailabilityConfig {
  /** Local time; empty = always. */
  readonly windows: readonly AvailabilityWindow[];
  /** Not lent until its owner has touched nothing for this long; 0 = lent also while it is in use. */
  readonly pauseWhenActiveMinutes: number;
  readonly pauseOnBattery: boolean;
  readonly sharing: "everyone" | "owner_only";
}

export interface StatusPageConfig {
  readonly enabled: boolean;
  /** On loopback; 0 = any. */
  readonly port: number;
}

/** Everything that decides what an agent does. */
export interface AgentConfig {
  /** The first of `coordinators`. */
  readonly coordinator: string;
  /** WebSocket URLs, in the order in which they are tried; at least one. */
  readonly coordinators: readonly string[];
  /** For coordinators that have none of their own in `tokens`. */
  readonly token: string;
  /** By URL of the coordinator: what logging in to each left. */
  readonly tokens: Readonly<Record<string, string>>;
  /** The first of `backends`, in brief. */
  readonly backend:
    | { readonly type: "embedded"; readonly modelPath: string }
    | { readonly type: "openai"; readonly url: string };
  readonly backendKey: string | undefined;
  /** At least one. */
  readonly backends: readonly BackendConfig[];
  /** Advertise only these, of every backend. */
  readonly models: readonly string[];
  /** The first backend's models make embeddings and do not chat. */
  readonly embeddings: boolean;
  /** Folders in which model files are looked for, beside those that the backends use. */
  readonly modelDirs: readonly string[];
  readonly limits: LimitsConfig;
  readonly availability: AvailabilityConfig;
  readonly statusPage: StatusPageConfig;
  readonly name: string;
  readonly dataDir: string;
  readonly logLevel: string;
}

/** What can be said without a token; for commands that serve nobody. */
export type AgentSettings = Omit<AgentConfig, "token" | "tokens">;
