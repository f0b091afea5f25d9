import type { CloseReason } from "@hearth/protocol";

/** Why a session ended: our verdict, or the other end's. */
export type SessionEnd =
  | CloseReason
  /** It said goodbye first. */
  | "left"
  /** It was asked to go, and went when nothing of ours ran on it any more. */
  | "sent_away"
  /** Its other end, or the network between, closed it without a word. */
  | "peer_closed";

/** Whether the connection broke off: neither end had meant it to end. */
export function isLoss(reason: SessionEnd): boolean {
  return reason === "peer_closed" || reason === "liveness_timeout";
}
