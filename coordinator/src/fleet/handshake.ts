import type { Duplex } from "node:stream";
import {
  CLOSE_CODES,
  type CloseReason,
  decodeRegister,
  encodeControl,
  LIMITS,
  negotiateVersion,
  type RegisterFrame,
} from "@hearth/protocol";
import type { RawData, WebSocket } from "ws";
import type { Clock } from "../platform/clock.js";
import type { Credentials } from "../platform/credentials.js";
import { providerIdOf, type Registration } from "./registration.js";

export interface HandshakeDeps {
  readonly clock: Clock;
  /** Provider tokens. */
  readonly tokens: Credentials;
}

/** How a handshake ends. A refused socket is closed already, with the reason's code. */
export type HandshakeResult =
  | { readonly type: "registered"; readonly registration: Registration }
  | { readonly type: "refused"; readonly reason: CloseReason; readonly problem: string };

/**
 * Waits for `register`, within its time and size, and answers it. Before this has succeeded nothing else of the
 * coordinator knows the socket.
 *
 * @param raw the socket below the WebSocket: its byte count enforces the limit before a message is assembled
 */
export function handshake(socket: WebSocket, raw: Duplex, deps: HandshakeDeps): Promise<HandshakeResult> {
  return new Promise((resolve) => {
    let bytes = 0;
    const end = (result: HandshakeResult): void => {
      timer[Symbol.dispose]();
      raw.off("data", count);
      socket.off("message", onMessage);
      socket.off("close", onClose);
      if (result.type === "refused") refuse(socket, result.reason);
      resolve(result);
    };
    const refused = (reason: CloseReason, problem: string): void => end({ type: "refused", reason, problem });
    const count = (data: Uint8Array): void => {
      bytes += data.length;
      if (bytes > LIMITS.preRegistrationBytes) refused("message_too_big", "too much before registration");
    };
    const onMessage = (data: RawData, isBinary: boolean): void => {
      const result = isBinary ? refusal("malformed_frame", "binary before registration") : read(String(data), deps);
      if ("type" in result) end(result);
      else end({ type: "registered", registration: welcome(socket, raw, result) });
    };
    const onClose = (): void => refused("going_away", "closed before registration");
    const timer = deps.clock.setTimer(LIMITS.registrationTimeoutMs, () =>
      refused("registration_timeout", "no register frame in time"),
    );
    // Counted before the WebSocket reads it: what completes a message that is too large is not looked at.
    raw.prependListener("data", count);
    socket.on("message", onMessage);
    socket.on("close", onClose);
  });
}

interface Accepted {
  readonly frame: RegisterFrame;
  readonly account: string;
  readonly version: number;
}

type Refusal = Extract<HandshakeResult, { type: "refused" }>;

function read(text: string, deps: HandshakeDeps): Accepted | Refusal {
  const decoded = decodeRegister(text);
  if (decoded.kind === "unknown") return refusal("protocol_violation", "the first frame must be register");
  if (decoded.kind === "malformed") return refusal("malformed_frame", decoded.problem);
  const { frame } = decoded;
  const version = negotiateVersion(frame.versions);
  if (version === undefined) return refusal("version_unsupported", "no common protocol version");
  const account = deps.tokens.accountOf(frame.token);
  if (account === undefined) return refusal("unauthorized", "no valid provider token");
  return { frame, account, version };
}

function refusal(reason: CloseReason, problem: string): Refusal {
  return { type: "refused", reason, problem };
}

function welcome(socket: WebSocket, raw: Duplex, { frame, account, version }: Accepted): Registration {
  const provider = providerIdOf(frame.identity);
  socket.send(
    encodeControl({
      type: "registered",
      version,
      provider_id: provider,
      heartbeat_interval_ms: LIMITS.heartbeatIntervalMs,
    }),
  );
  return { socket, cork: corker(raw), provider, account, version, frame };
}

function corker(raw: Duplex): () => void {
  let corked = false;
  return () => {
    if (corked) return;
    corked = true;
    raw.cork();
    process.nextTick(() => {
      corked = false;
      raw.uncork();
    });
  };
}

/** Says why and goes; a peer that does not answer the close is cut by `ws` itself. */
export function refuse(socket: WebSocket, reason: CloseReason): void {
  if (socket.readyState === socket.OPEN) socket.close(CLOSE_CODES[reason], reason);
  else socket.terminate();
}
