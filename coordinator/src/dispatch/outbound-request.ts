import type { EventReading } from "@hearth/dialects";
import type { BackendDialect, RequestFrame, RequestId } from "@hearth/protocol";

/** A request written for one backend dialect. */
export interface OutboundForm {
  readonly dialect: BackendDialect;
  /** How the answer comes: as server-sent events, or as one JSON body, read as one event once it is complete. */
  readonly format: "events" | "body";
  /** The JSON body for that dialect's endpoint; where the answer is events, it asks for a stream with usage. */
  readonly body: Uint8Array;
  /** Reads the `data` of one event of the answer, or the whole body. Must not throw. */
  readonly readEvent: (data: string) => EventReading;
}

/** What a provider's model accepts, as far as the provider has told. */
export interface ModelAbilities {
  /** The dialects that its backend speaks natively; every backend that chats speaks chat completions. */
  readonly dialects: readonly BackendDialect[];
  /** The chat template takes system messages anywhere in a conversation. Absent = not known. */
  readonly systemAnywhere?: boolean | undefined;
  /** The chat template takes user messages after one another and after tool results. Absent = not known. */
  readonly turnsAnywhere?: boolean | undefined;
  /** It takes images; absent = it does not. */
  readonly vision?: boolean | undefined;
  /** The program that serves it, such as `llama-server`; absent = not known. */
  readonly backend?: string | undefined;
}

/** A request as it goes to providers. */
export interface OutboundRequest {
  readonly id: RequestId;
  readonly model: string;
  readonly delivery: RequestFrame["delivery"];
  /** The consumer's bound on the answer, tokens. */
  readonly maxTokens?: number | undefined;
  /**
   * The form for one provider.
   *
   * @param build the name that the provider knows the model by: an alias stands for several
   */
  form(able: ModelAbilities, build: string): OutboundForm;
}
