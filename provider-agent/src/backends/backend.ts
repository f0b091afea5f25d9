import type { BackendDialect, ModelAdvert } from "@hearth/protocol";

/** What a backend says of itself. */
export type BackendStatus =
  | {
      readonly type: "reachable";
      readonly models: readonly ModelAdvert[];
      /** Requests it serves at once, where it says so. */
      readonly maxConcurrency?: number;
      /** Requests it works on now, whoever sent them, where it says so. */
      readonly busy?: number;
    }
  /** `problem` is a short phrase for the log, like `ECONNREFUSED`. */
  | { readonly type: "unreachable"; readonly problem: string };

export interface BackendRequest {
  readonly dialect: BackendDialect;
  /** The JSON body, as the backend is to receive it. */
  readonly body: Uint8Array;
}

/** An answer whose headers are here and whose body is to be read. */
export interface BackendResponse {
  readonly status: number;
  readonly contentType: string;
  /** Ends with an error when the connection breaks; reading it slowly slows the backend. */
  readonly body: AsyncIterable<Uint8Array>;
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
  /** Gives back what the backend holds. Never rejects. */
  stop(): Promise<void>;
}
