import type { BackendDialect, RequestFrame, RequestId } from "@hearth/protocol";

/** What one event of the backend's stream is. The dialect that the backend speaks decides. */
export type EventReading =
  /** Says nothing yet (a role, an id): held until there is content. */
  | { readonly kind: "preamble"; readonly parsed: unknown }
  | { readonly kind: "content"; readonly parsed: unknown; readonly finishes: boolean }
  /** Follows the content and is not content itself: the usage. */
  | { readonly kind: "trailer"; readonly parsed: unknown }
  /** The dialect's own end mark. */
  | { readonly kind: "done" }
  /** An error inside an HTTP 200, with its numeric code, or 502 where it has none. */
  | { readonly kind: "error"; readonly status: number; readonly error: unknown }
  | { readonly kind: "malformed" };

/** A request written for one backend dialect. */
export interface OutboundForm {
  readonly dialect: BackendDialect;
  /** How the backend answers: server-sent events, or one JSON body, read as one event. */
  readonly format: "events" | "body";
  /** The JSON body for that dialect's endpoint; where the answer is events, it asks for a stream with usage. */
  readonly body: Uint8Array;
  /** Reads the `data` of one event of the answer, or the whole body. Must not throw. */
  readonly readEvent: (data: string) => EventReading;
}

/** A request as it goes to providers. */
export interface OutboundRequest {
  readonly id: RequestId;
  readonly model: string;
  readonly delivery: RequestFrame["delivery"];
  /** The consumer's bound on the answer, tokens. */
  readonly maxTokens?: number | undefined;
  /**
   * The form for a backend that speaks these dialects natively; every backend that chats speaks chat completions.
   *
   * @param build the name that the provider knows the model by: an alias stands for several
   */
  form(native: readonly BackendDialect[], build: string): OutboundForm;
}
