import { SUBPROTOCOL } from "@hearth/protocol";
import { WebSocket } from "ws";
import type { CheckResult } from "./check.js";

/** What a check is after on a connection. */
export interface Dialling {
  /** When nothing has come of it in time. */
  readonly late: CheckResult;
  /** Listens until the connection has shown enough: the first result ends it. */
  readonly listen: (socket: WebSocket, end: (result: CheckResult) => void) => void;
}

/** Dials a coordinator as the agent does, and hangs up as soon as the check has its result. */
export function dial(url: string, { late, listen }: Dialling, signal: AbortSignal): Promise<CheckResult> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, [SUBPROTOCOL], { perMessageDeflate: false });
    const end = (result: CheckResult): void => {
      signal.removeEventListener("abort", giveUp);
      socket.terminate();
      resolve(result);
    };
    const giveUp = (): void => end(late);
    signal.addEventListener("abort", giveUp, { once: true });
    // What comes after the end is of no interest, but must be heard.
    socket.on("error", () => {});
    listen(socket, end);
  });
}
