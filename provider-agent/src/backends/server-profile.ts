import type { ModelAdvert } from "@hearth/protocol";
import type { BackendRequest, BackendSlot, ModelSource, StreamHabits } from "./backend.js";
import type { ServerApi } from "./server-api.js";
import type { ServerSign } from "./sign-watch.js";

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

/** What a server answered in one round of questions. */
export interface ServerReading {
  readonly models: readonly ServedModel[];
  readonly version?: string;
}

/** What a server says of itself before its kind is known. */
export interface ServerIdentity {
  readonly version?: string;
  /** It tells no more without a key. */
  readonly needsKey?: boolean;
}

/** What is sent to a server in place of a request, and how to read its stream then. */
export interface AskedRequest {
  readonly body: Uint8Array;
  readonly habits: StreamHabits;
}

/** Reads one server again and again, and remembers what does not change while it runs. */
export interface ServerReader {
  /** The program's name; absent = it does not say what it is. */
  readonly program?: string;
  /** Whether it serves only what it lists, whatever it answers to requests for other models. */
  readonly listsAll: boolean;
  /**
   * @throws AgentError `server_unusable` when the server answers and does not serve
   * @throws Error when no answer comes
   */
  read(signal: AbortSignal): Promise<ServerReading>;
  /** The last reading shows that another server may be there now: recognise it again. */
  readonly isOutdated?: boolean;
  /** The server was gone: forgets what it remembered, which may not be true of the one that is there next. */
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

/** How to recognise a kind of server, and how to read it. */
export interface ServerProfile<Name extends string = string> {
  readonly name: Name;
  /** Where it usually listens on loopback, older versions included. */
  readonly ports: readonly number[];
  /** Where current versions listen when they are not told otherwise. */
  readonly usualPort: number;
  /** What its list of models says in `owned_by`; absent = nothing. */
  readonly owner?: string;
  /** Others say the same there, or it says nothing: its own endpoints have to be asked. */
  readonly hides?: true;
  /** Asks the server's own endpoints whether it is of this kind. @throws Error when no answer comes */
  identify(api: ServerApi, signal: AbortSignal): Promise<ServerIdentity | undefined>;
  reader(api: ServerApi): ServerReader;
}
