/**
 * Why a provider connection ends. Codes 1000–1015 are RFC 6455's, 4000–4999 are Hearth's.
 * The name is what logs and metrics say; the number is what travels.
 */
export const CLOSE_CODES = {
  normal: 1000,
  /** The coordinator is restarting or draining: reconnect, elsewhere if there is an elsewhere. */
  going_away: 1001,
  /** A message over `LIMITS.frameBytes` (before registration: `LIMITS.preRegistrationBytes`). */
  message_too_big: 1009,
  /** The closing side's own code failed over what it was sent on this connection. */
  internal_error: 1011,
  /** A message that is no frame: invalid JSON, a known type with wrong fields, a binary frame cut short. */
  malformed_frame: 4400,
  /** No valid provider token. Reconnecting does not help until the token is replaced. */
  unauthorized: 4401,
  /** The provider did something only an attacker would: plaintext, a foreign key, a replay, a bad signature. */
  untrusted: 4403,
  /** `register`, or the answer to the challenge that follows it, did not arrive in time. */
  registration_timeout: 4408,
  /** Another socket registered with the same identity; the newer one serves. */
  replaced: 4409,
  /** The attestation's time is more than two minutes from the coordinator's: the machine's clock is wrong. */
  stale_attestation: 4410,
  /** Well-formed frames in an order or for a stream that the protocol does not allow. */
  protocol_violation: 4422,
  /** No common protocol version. */
  version_unsupported: 4426,
  /** A connection cap (per address or per account) is reached. */
  too_many_connections: 4429,
  /** No pong or heartbeat in time. */
  liveness_timeout: 4430,
  /** The peer reads too slowly: `LIMITS.backlogClosesBytes` are waiting. */
  backlog_exceeded: 4431,
  /** More control frames of one kind than `LIMITS` allow a minute. */
  rate_limited: 4432,
} as const;

export type CloseReason = keyof typeof CLOSE_CODES;

const names = new Map<number, CloseReason>(
  Object.entries(CLOSE_CODES).map(([name, code]) => [code, name as CloseReason]),
);

/** The name of a close code, or `undefined` for a code that is not in the table. */
export function closeReason(code: number): CloseReason | undefined {
  return names.get(code);
}

/** Reconnecting cannot succeed before a person changes something. */
export function isFatalClose(code: number): boolean {
  return code === CLOSE_CODES.unauthorized || code === CLOSE_CODES.version_unsupported;
}
