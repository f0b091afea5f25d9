import type { CloseReason, ControlFrame, CoordinatorFrame, DataFrame } from "@hearth/protocol";
import type { JobOutlet } from "../jobs/job.js";

/** What a connection tells. After `closed` nothing more comes. */
export interface ConnectionEvents {
  open(): void;
  control(frame: CoordinatorFrame): void;
  data(frame: DataFrame): void;
  /** @param problem what the socket said, where it said anything */
  closed(code: number, problem?: string): void;
}

/** One connection to a coordinator, from dialling to its end. Sending after that does nothing. */
export interface Connection extends JobOutlet {
  send(frame: ControlFrame): void;
  /** Says why and goes; what the coordinator still sends is not heard. The end comes as `closed`. */
  close(reason: CloseReason): void;
}

/** Starts a connection. */
export type Dial = (events: ConnectionEvents) => Connection;
