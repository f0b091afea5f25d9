import type { CloseReason } from "@hearth/protocol";

/** Why a session ended: the reason with which we closed it, or what the peer did. */
export type SessionEnd =
  | CloseReason
  /** It said goodbye first. */
  | "left"
  /** It closed after `goAway`, when nothing ran on it any more. */
  | "sent_away"
  /** The peer or the network closed it without a goodbye. */
  | "peer_closed";

/** Whether the connection was lost, so that neither side meant it to end. */
export function isLoss(reason: SessionEnd): boolean {
  return reason === "peer_closed" || reason === "liveness_timeout";
}
