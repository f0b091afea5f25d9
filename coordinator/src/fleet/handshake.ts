import type { Duplex } from "node:stream";
import type { ProofFailure } from "@hearth/attestation";
import { type Clock, describeFault } from "@hearth/platform";
import {
  type AttestationProof,
  CLOSE_CODES,
  type CloseReason,
  decodeProviderFrame,
  decodeRegister,
  encodeControl,
  LIMITS,
  negotiateVersion,
  type RegisterFrame,
} from "@hearth/protocol";
import type { RawData, WebSocket } from "ws";
import { corker } from "./corker.js";
import type { PacedWork } from "./paced-work.js";
import { providerIdOf, type Registration } from "./registration.js";
import type { TokenHolder } from "./token-holder.js";
import type { AttestationVerifier, Proof, ProofClaims } from "./trust/attestation-verifier.js";
import { checkAnswer, type PassedChallenge, signedOf, trustLevelOf } from "./trust/session-trust.js";

export interface HandshakeDeps {
  readonly clock: Clock;
  /** Knows provider tokens. */
  readonly holderOf: (token: string) => TokenHolder | undefined;
  readonly verifier: AttestationVerifier;
  readonly newChallenge: () => Uint8Array;
  /** Told the result of each attestation and each challenge. */
  readonly proved: (kind: "attestation" | "challenge", outcome: "ok" | ProofFailure) => void;
  /** Reads what a machine has sent, in its order: at once, or when there is time for it. */
  readonly paced: Pick<PacedWork, "do">;
}

/** The result of a handshake. A refused socket has been closed with the reason's code. */
export type HandshakeResult =
  | { readonly type: "registered"; readonly registration: Registration }
  | { readonly type: "refused"; readonly reason: CloseReason; readonly problem: string };

/**
 * Waits for `register`, within limits of time and size, has a machine that attests answer a challenge, and replies with
 * `registered`. Until then no other part of the coordinator knows the socket.
 *
 * @param raw the socket below the WebSocket: its byte count enforces the limit before a message is assembled
 */
export function handshake(socket: WebSocket, raw: Duplex, deps: HandshakeDeps): Promise<HandshakeResult> {
  return new Promise((resolve) => {
    let bytes = 0;
    let [isUnread, isOver] = [false, false];
    let read = (text: string): Step => readRegister(text, deps);
    const wait = (ms: number, problem: string): Disposable =>
      deps.clock.setTimer(ms, () => end(refusal("registration_timeout", problem)));
    let timer = wait(LIMITS.registrationTimeoutMs, "no register frame in time");
    const end = (result: HandshakeResult): void => {
      isOver = true;
      timer[Symbol.dispose]();
      raw.off("data", count);
      socket.off("message", onMessage);
      socket.off("close", onClose);
      if (result.type === "refused") refuse(socket, result.reason, deps.clock);
      resolve(result);
    };
    const count = (data: Uint8Array): void => {
      bytes += data.length;
      if (bytes > LIMITS.preRegistrationBytes) end(refusal("message_too_big", "too much before registration"));
    };
    const onMessage = (data: RawData, isBinary: boolean): void => {
      // Whatever waits to be read is one message a machine.
      if (isUnread) return end(refusal("protocol_violation", "more before the last message was answered"));
      isUnread = true;
      // It has come in time: how long we take to read it is not held against the machine.
      timer[Symbol.dispose]();
      deps.paced.do("goes on", () => {
        isUnread = false;
        if (!isOver) take(data, isBinary);
      });
    };
    const take = (data: RawData, isBinary: boolean): void => {
      const step = isBinary ? refusal("malformed_frame", "binary before registration") : guarded(read, String(data));
      switch (step.type) {
        case "refused":
          return end(step);
        case "accepted":
          return end({ type: "registered", registration: welcome(socket, raw, step, deps.verifier.wallTime) });
        case "challenged":
          timer = wait(LIMITS.challengeTimeoutMs, "no answer to the challenge in time");
          read = step.read;
          socket.send(encodeControl({ type: "challenge", challenge: step.challenge }));
      }
    };
    const onClose = (): void => end(refusal("going_away", "closed before registration"));
    // Counts before the WebSocket reads, so that a message which is too large is never assembled.
    raw.prependListener("data", count);
    socket.on("message", onMessage);
    socket.on("close", onClose);
  });
}

interface Accepted {
  readonly type: "accepted";
  readonly frame: RegisterFrame;
  readonly holder: TokenHolder;
  readonly version: number;
  readonly proved?: { readonly claims: ProofClaims; readonly proof: Proof; readonly passed: PassedChallenge };
}

/** If our own code throws while it reads a stranger's message, the stranger's socket is closed. */
function guarded(read: (text: string) => Step, text: string): Step {
  try {
    return read(text);
  } catch (thrown) {
    return refusal("internal_error", `our own code failed: ${describeFault(thrown).name}`);
  }
}

type Refusal = Extract<HandshakeResult, { type: "refused" }>;

/** The next step after a message. */
type Step =
  | Accepted
  | Refusal
  | { readonly type: "challenged"; readonly challenge: string; readonly read: (text: string) => Step };

function readRegister(text: string, deps: HandshakeDeps): Step {
  const decoded = decodeRegister(text);
  if (decoded.kind === "unknown") return refusal("protocol_violation", "the first frame must be register");
  if (decoded.kind === "malformed") return refusal("malformed_frame", decoded.problem);
  const { frame } = decoded;
  const version = negotiateVersion(frame.versions);
  if (version === undefined) return refusal("version_unsupported", "no common protocol version");
  const holder = deps.holderOf(frame.token);
  if (holder === undefined) return refusal("unauthorized", "no valid provider token");
  const { attestation } = frame;
  if (holder.identity !== undefined && (attestation === undefined || holder.identity !== frame.identity)) {
    return refusal("unauthorized", "this provider token belongs to another machine");
  }
  const accepted: Accepted = { type: "accepted", frame, holder, version };
  return attestation === undefined ? accepted : challenge(accepted, attestation, deps);
}

/** An attestation alone could be a recording. Only the holder of the key can answer a fresh challenge. */
function challenge(accepted: Accepted, attestation: AttestationProof, deps: HandshakeDeps): Step {
  const claims = claimsOf(accepted.frame);
  const verdict = deps.verifier.check(claims, attestation);
  deps.proved("attestation", verdict.type === "ok" ? "ok" : verdict.failure);
  if (verdict.type === "failed") return unproved(verdict.failure);
  const proof = verdict.value;
  const challenge = Buffer.from(deps.newChallenge()).toString("base64url");
  const read = (text: string): Step => {
    const passed = readAnswer(text, challenge, { claims, proof, deps });
    if ("type" in passed) return passed;
    // It may be another account's by now.
    const holder = deps.holderOf(accepted.frame.token);
    if (holder === undefined) return refusal("unauthorized", "the provider token was revoked meanwhile");
    return { ...accepted, holder, proved: { claims, proof, passed } };
  };
  return { type: "challenged", challenge, read };
}

interface Challenged {
  readonly claims: ProofClaims;
  readonly proof: Proof;
  readonly deps: HandshakeDeps;
}

function readAnswer(text: string, challenge: string, { claims, proof, deps }: Challenged): PassedChallenge | Refusal {
  const decoded = decodeProviderFrame(text);
  if (decoded.kind === "malformed") return refusal("malformed_frame", decoded.problem);
  if (decoded.kind === "unknown" || decoded.frame.type !== "challenge_response") {
    return refusal("protocol_violation", "the challenge must be answered first");
  }
  const { frame } = decoded;
  const context = { proof, claims, nowMs: deps.verifier.wallTime };
  const verdict =
    frame.challenge === challenge
      ? checkAnswer(frame, context)
      : ({ type: "failed", failure: "wrong_challenge" } as const);
  deps.proved("challenge", verdict.type === "ok" ? "ok" : verdict.failure);
  if (verdict.type === "failed") return unproved(verdict.failure);
  const { publicKey: encryptionKey } = claims.encryptionKey;
  return { challenge, encryptionKey, signed: signedOf(frame), content: verdict.value };
}

function claimsOf(frame: RegisterFrame): ProofClaims {
  const { key_id: keyId, public_key: publicKey } = frame.encryption_key;
  return { identity: frame.identity, encryptionKey: { keyId, publicKey }, agentVersion: frame.agent.version };
}

const unproved = (failure: ProofFailure): Refusal => refusal(closeReasonOf(failure), `proof failed: ${failure}`);

/** A wrong clock can happen to an honest owner. All other failures come only from attackers. */
export function closeReasonOf(failure: ProofFailure): CloseReason {
  return failure === "outside_window" ? "stale_attestation" : "untrusted";
}

function refusal(reason: CloseReason, problem: string): Refusal {
  return { type: "refused", reason, problem };
}

function welcome(socket: WebSocket, raw: Duplex, accepted: Accepted, nowMs: number): Registration {
  const { frame, holder, version, proved } = accepted;
  const provider = providerIdOf(frame.identity, proved !== undefined);
  socket.send(
    encodeControl({
      type: "registered",
      version,
      provider_id: provider,
      heartbeat_interval_ms: LIMITS.heartbeatIntervalMs,
      trust_level: proved === undefined ? "none" : trustLevelOf(proved.proof, proved.passed, nowMs),
    }),
  );
  return { socket, cork: corker(raw), provider, holder, version, frame, proved };
}

/** How long a peer may take to answer the close, ms. */
const FAREWELL_MS = 2_000;

/** Closes with a reason, and cuts the connection if the peer does not answer the close. */
export function refuse(socket: WebSocket, reason: CloseReason, clock: Clock): void {
  if (socket.readyState !== socket.OPEN) return socket.terminate();
  socket.close(CLOSE_CODES[reason], reason);
  const cut = clock.setTimer(FAREWELL_MS, () => socket.terminate());
  socket.once("close", () => cut[Symbol.dispose]());
}
