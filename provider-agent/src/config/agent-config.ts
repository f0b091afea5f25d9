import type { AvailabilityWindow } from "./availability-window.js";
import type { BackendConfig } from "./backend-config.js";
import type { NativeDialect } from "./schema.js";

/** Bounds that the owner sets. */
export interface LimitsConfig {
  /** Requests at once; absent = as many as the backends take. */
  readonly maxConcurrency: number | undefined;
  /** The same for single models, by id. */
  readonly perModel: Readonly<Record<string, number>>;
  /** A request over the bound waits this long for its turn before it is refused. */
  readonly maxWaitSeconds: number;
  /** A stream whose answer is finished is over when no other event follows for this long; absent = the default. */
  readonly answerEndSeconds?: number | undefined;
  /** What runs when a coordinator sends the agent away may go on for so long; absent = the default. */
  readonly goAwayMinutes?: number | undefined;
  /** No new requests while more of the machine's memory than this is used; absent = no bound. */
  readonly memoryPercent: number | undefined;
}

/** What the owner allows: when the machine takes requests, and whose. */
export interface AvailabilityConfig {
  /** Local time; empty = always. */
  readonly windows: readonly AvailabilityWindow[];
  /** Paused until the owner has touched nothing for this long; 0 = available also while it is in use. */
  readonly pauseWhenActiveMinutes: number;
  readonly pauseOnBattery: boolean;
  readonly sharing: "everyone" | "owner_only";
}

export interface StatusPageConfig {
  readonly enabled: boolean;
  /** On loopback; 0 = any. */
  readonly port: number;
}

/** What the owner says of electricity. */
export interface ElectricityConfig {
  readonly usdPerKwh: number;
  /** What the machine draws more while requests run than while none does; absent = what can be measured here. */
  readonly extraWatts: number | undefined;
}

/** Everything that decides what an agent does. */
export interface AgentConfig {
  /** WebSocket URLs, in the order in which they are tried; at least one. */
  readonly coordinators: readonly string[];
  /**
   * The token for a coordinator, by its URL, as it is kept now: the owner may log in anew while the agent runs.
   *
   * @throws AgentError `config_invalid` when what is kept cannot be read
   */
  readonly tokenFor: (coordinator: string) => string;
  /** At least one. */
  readonly backends: readonly BackendConfig[];
  /** Advertise only these, of every backend. */
  readonly models: readonly string[];
  /** Folders in which model files are looked for, beside those that the backends use. */
  readonly modelDirs: readonly string[];
  /** APIs beside chat, completions and embeddings that go to the backends untranslated, where they speak them. */
  readonly nativeDialects: readonly NativeDialect[];
  readonly limits: LimitsConfig;
  readonly availability: AvailabilityConfig;
  readonly statusPage: StatusPageConfig;
  /** Absent = the owner has set no price, and nothing is estimated. */
  readonly electricity: ElectricityConfig | undefined;
  /** The Secure Enclave helper's program; absent = the machine's key is in a file. */
  readonly enclaveHelper: string | undefined;
  readonly name: string;
  readonly dataDir: string;
  readonly logLevel: string;
}

/** What can be said without a token; for commands that serve nobody. */
export type AgentSettings = Omit<AgentConfig, "tokenFor">;
