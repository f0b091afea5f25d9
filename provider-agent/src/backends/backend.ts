import type { BackendDialect, ModelAdvert, Slot } from "@hearth/protocol";
import type { WatchedRequest } from "./sign-watch.js";

/** How a backend stands with one of its models, in its own words. What it does not tell is absent. */
export interface BackendSlot {
  /** The model's id. */
  readonly model: string;
  readonly state: Slot["state"];
  /** Requests it works on now, ours and others'. */
  readonly running?: number;
  /** Requests that wait for their turn in the backend. */
  readonly queued?: number;
  /** Requests it serves at once. */
  readonly maxConcurrency?: number;
  /** What its cache can hold and holds, tokens of all requests together. */
  readonly budget?: { readonly maxTokens: number; readonly usedTokens: number };
  /** Observed rates of one request, tokens per second. */
  readonly decodeTps?: number;
  readonly prefillTps?: number;
}

/** What a server makes of a conversation when it lays it out for the model, without an answer. */
export type Rendering =
  | {
      readonly type: "rendered";
      /** What the model is given; absent = the server does not show it. */
      readonly prompt?: string;
      /** How long that is; absent = the server does not count it. */
      readonly tokens?: number;
    }
  /** The server does not take the conversation, and would not take it as a chat either. */
  | { readonly type: "refused" };

/**
 * A conversation as in a chat request, its `messages` and `tools`; the answer is `undefined` when the server does not
 * say: it has no place to ask, or not for us, or not now.
 *
 * @throws Error when no answer comes
 */
export type RenderQuestion = (
  conversation: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
) => Promise<Rendering | undefined>;

/** Who lays out the conversations of a model that is loaded. */
export interface ServerRenderer {
  readonly ask: RenderQuestion;
  /** Another one is another program, model or template: what was answered before may no longer hold. */
  readonly stamp: string;
}

/** Where a model's weights and templates lie on this machine, and the server that can be asked about them. */
export interface ModelSource {
  /** A GGUF file, or the folder of a model; absent = the server does not tell. */
  readonly path?: string;
  /** Absent = the server cannot be asked, or would load the model for it. */
  readonly renderer?: ServerRenderer;
}

/** What a backend serves now. */
export interface ReachableBackend {
  readonly type: "reachable";
  /** At most `LIMITS.modelsPerProvider`, no id twice. */
  readonly models: readonly ModelAdvert[];
  /** At most one a model; a model without one is taken to be loaded. */
  readonly slots: readonly BackendSlot[];
  /** By model id, where the backend tells. */
  readonly sources: ReadonlyMap<string, ModelSource>;
  /** Of the backend's program. */
  readonly version?: string;
  /** Models that its owner names and that it does not have; absent = none. */
  readonly missing?: readonly string[];
  /** Of several backends, those that do not answer; absent = none. */
  readonly down?: readonly DownBackend[];
}

/** A backend that does not answer, by its name; `problem` is a short phrase. */
export interface DownBackend {
  readonly name: string;
  readonly problem: string;
}

/** What a backend says of itself. */
export type BackendStatus =
  | ReachableBackend
  /** `problem` is a short phrase for the log, like `ECONNREFUSED`. */
  | { readonly type: "unreachable"; readonly problem: string };

export interface BackendRequest {
  readonly dialect: BackendDialect;
  /** The model's id; several backends are told apart by it. Absent = the body's own `model`. */
  readonly model?: string;
  /** The JSON body, as the backend is to receive it. */
  readonly body: Uint8Array;
  /** For the header of this name; absent = nobody traces the request. */
  readonly traceparent?: string | undefined;
  /** The model's chat template is known to read a string `type` in every node of a tool's schema; absent = it is not. */
  readonly needsStringTypes?: boolean;
}

/** What a server puts into its streams beside the answer. */
export interface StreamHabits {
  /** Its events of progress are there because the agent has asked for them: nobody else wants them. */
  readonly progressIsOurs: boolean;
  /** Its comments come by a timer and say nothing of any work. */
  readonly pingsByTimer: boolean;
}

/** An answer whose headers are here and whose body is still to come. */
export interface BackendResponse {
  readonly status: number;
  readonly contentType: string;
  /** Ends with an error when the connection breaks; reading it slowly slows the backend. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Absent = nothing special is known. */
  readonly habits?: StreamHabits;
}

/** An inference server that this machine runs. */
export interface Backend {
  readonly name: string;
  /** Never rejects: what cannot be reached is reported as that. */
  probe(signal: AbortSignal): Promise<BackendStatus>;
  /**
   * Sends a request. Aborting the signal ends it at any point, also while the body is read; a body that is read to its
   * end gives its connection to the next request.
   *
   * @throws Error when no answer comes
   */
  open(request: BackendRequest, signal: AbortSignal): Promise<BackendResponse>;
  /**
   * Tells a request that is with the backend what moves there while it waits, until what is returned is disposed of.
   * Absent = the backend has nothing to tell beside its answers.
   */
  watch?(request: WatchedRequest): Disposable;
  /** Gives back what the backend holds. Never rejects. */
  stop(): Promise<void>;
}
