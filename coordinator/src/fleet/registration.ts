import { createHash } from "node:crypto";
import type { ProviderId, RegisterFrame } from "@hearth/protocol";
import type { WebSocket } from "ws";

/** A socket whose other end has said what it is and was let in. Only a registration can become a session. */
export interface Registration {
  readonly socket: WebSocket;
  /** Coalesces what is written until the end of the current turn into one system call. */
  readonly cork: () => void;
  readonly provider: ProviderId;
  readonly account: string;
  readonly version: number;
  readonly frame: RegisterFrame;
}

/** The stable id of a machine: a hash of its identity, so that a reconnect is recognised and the identity stays private. */
export function providerIdOf(identity: string): ProviderId {
  return `prv_${createHash("sha256").update(identity).digest("base64url").slice(0, 16)}` as ProviderId;
}
