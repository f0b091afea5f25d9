import type { ModelAdvert } from "@hearth/protocol";
import type { BackendRequest, BackendSlot, ModelSource, StreamHabits } from "./backend.js";
import type { ServerApi } from "./server-api.js";
import type { ServerSign } from "./sign-watch.js";

/** Servers whose own endpoints are known. */
export const SERVER_KINDS = ["llama-server", "ollama", "lm-studio", "mlx-lm", "vllm"] as const;
export type ServerKindName = (typeof SERVER_KINDS)[number];

/** One model of a server. */
export interface ServedModel {
  readonly advert: ModelAdvert;
  readonly slot: Omit<BackendSlot, "model">;
  readonly source?: ModelSource;
  /** What the server calls it; absent = by its advertised id. */
  readonly serverId?: string;
  /** Other names under which the server takes requests for it. */
  readonly aliases?: readonly string[];
}

/** What a server told in one round of questions. */
export interface ServerReading {
  readonly models: readonly ServedModel[];
  readonly version?: string;
}

/** What a server says of itself to somebody who does not know what it is. */
export interface ServerIdentity {
  readonly version?: string;
  /** It tells no more without a key. */
  readonly needsKey?: boolean;
}

/** What is sent to a server in place of a request, and how its stream is to be read then. */
export interface AskedRequest {
  readonly body: Uint8Array;
  readonly habits: StreamHabits;
}

/** Reads one server again and again, and remembers what does not change while it runs. */
export interface ServerReader {
  /** What the program is called; absent = it does not say what it is. */
  readonly program?: string;
  /** What it does not list it does not serve, whatever it answers when it is asked for that. */
  readonly listsAll: boolean;
  /**
   * @throws AgentError `server_unusable` when the server answers and does not serve
   * @throws Error when no answer comes
   */
  read(signal: AbortSignal): Promise<ServerReading>;
  /** What was last read shows that another server may be there now: it is to be recognised anew. */
  readonly isOutdated?: boolean;
  /** The server was gone: what was remembered may be another's. */
  forget(): void;
  /**
   * Reads the counters of what the server does, for requests that wait for these models. Absent = it has none.
   *
   * @throws Error when no answer comes
   */
  signs?(models: readonly string[], signal: AbortSignal): Promise<readonly ServerSign[]>;
  /** Absent = requests are sent as they are. */
  ask?(request: BackendRequest): AskedRequest;
}

/** What is known about a kind of server. */
export interface ServerKind {
  readonly name: ServerKindName;
  /** Where it usually listens on loopback. */
  readonly ports: readonly number[];
  /** Asks the server's own endpoints whether it is of this kind. @throws Error when no answer comes */
  identify(api: ServerApi, signal: AbortSignal): Promise<ServerIdentity | undefined>;
  reader(api: ServerApi): ServerReader;
}
