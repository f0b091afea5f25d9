import type { CloseReason, ControlFrame, CoordinatorFrame, DataFrame } from "@hearth/protocol";
import type { JobOutlet } from "../jobs/job.js";

/** What a connection calls back. After `closed` nothing more comes. */
export interface ConnectionHooks {
  open(): void;
  control(frame: CoordinatorFrame): void;
  data(frame: DataFrame): void;
  /** @param problem what the socket said, where it said anything */
  closed(code: number, problem?: string): void;
}

/** One connection to a coordinator, from dialling to its end. Sending after that does nothing. */
export interface Connection extends JobOutlet {
  send(frame: ControlFrame): void;
  /** Calls `reached` once when the coordinator has read everything sent before; never when the connection ends first. */
  confirm(reached: () => void): void;
  /** Ends the connection unless the coordinator gives a sign of life within this time, ms. */
  verify(limitMs: number): void;
  /** Says why and goes; what the coordinator still sends is not heard. The end comes as `closed`. */
  close(reason: CloseReason): void;
}

/** Starts a connection to a coordinator's URL. */
export type Dial = (url: string, hooks: ConnectionHooks) => Connection;
