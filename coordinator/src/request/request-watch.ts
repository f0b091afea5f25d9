import type { RequestId } from "@hearth/protocol";
import type { Principal } from "../accounts/principal.js";
import type { SentAttempt } from "../dispatch/sent-attempt.js";
import type { Outcome } from "../dispatch/types.js";
import type { HearthError } from "../platform/errors.js";
import type { TraceContext } from "../platform/trace-context.js";
import type { InferenceRequest } from "./inference-request.js";
import type { Entrance, RequestRecord } from "./request-record.js";

/** How far a request has come that may yet be refused. */
export interface Progress {
  /** What it asks for, once its body was read. */
  request?: InferenceRequest;
  /** It is admitted, and `settle` keeps what it used. */
  record?: RequestRecord;
}

/** A request of somebody who is known. */
export interface Arrival {
  readonly id: RequestId;
  /** What its caller calls it; `undefined` = it does not say. */
  readonly clientId: string | undefined;
  readonly principal: Principal;
  readonly entrance: Entrance;
  readonly progress: Progress;
  /** On the coordinator's clock, ms. */
  readonly arrivedAt: number;
  /** `undefined` = nobody traces it. */
  readonly trace: TraceContext | undefined;
}

/** Follows requests from their arrival to their end. It stands on their path, so it does next to nothing. */
export interface RequestWatch {
  arrived(arrival: Arrival): void;
  /** An admitted request is over, and what it has cost is known. */
  settled(record: RequestRecord, outcome: Outcome<SentAttempt>): void;
  /** It was refused, or given up, before any machine was asked. */
  refused(arrival: Arrival, error: HearthError): void;
  /** Nothing of it runs any more; it may have been answered without being executed. */
  left(id: RequestId): void;
}
