import type { ResponseOpener } from "@hearth/e2e";
import type { Clock } from "@hearth/platform";
import type { AttemptId, CancelReason, CloseReason, ProviderId, Usage } from "@hearth/protocol";
import type { ConfirmedCancel } from "../fleet/provider-link.js";
import type { ClampedMember } from "../platform/clamped-members.js";
import type { ProgressHooks } from "./attempt-progress.js";
import type { OutboundForm } from "./outbound-request.js";
import type { ReceiptCheck } from "./receipt-check.js";
import type { AttemptFailure } from "./types.js";

/** How an attempt ended, for its lease and the request's record. */
export type AttemptEnd =
  | { readonly type: "completed"; readonly usage: Usage }
  | {
      readonly type: "failed";
      readonly failure: AttemptFailure;
      /** Content had come that a consumer might have been shown. False while a whole answer was only being written. */
      readonly afterContent: boolean;
      /** What the provider says it spent. Absent = it has not said so: the connection was lost, or we gave up first. */
      readonly usage?: Usage;
    }
  | {
      readonly type: "cancelled";
      readonly reason: CancelReason;
      /** As far as is known now. What it spent comes later, with `AttemptDeps.cancelConfirmed`. */
      readonly progress: "not_started" | "processed";
      /** The provider had sent signs of life for it. */
      readonly moved: boolean;
      /** Tokens generated according to its last sign of life, held to what is possible. */
      readonly generatedTokens: number;
    };

export interface AttemptDeps extends ProgressHooks {
  readonly id: AttemptId;
  readonly provider: ProviderId;
  readonly form: OutboundForm;
  readonly opener: ResponseOpener;
  /** Checks the provider's receipt. Absent = the provider does not attest, so that its receipts prove nothing. */
  readonly receipts: ReceiptCheck | undefined;
  /** The consumer's bound on the answer, else the model's context length, tokens. Absent = neither is known. */
  readonly answerTokens: number | undefined;
  readonly clock: Clock;
  /** Called exactly once, whatever happens: here, and nowhere else, an attempt releases what it holds. */
  readonly ended: (end: AttemptEnd) => void;
  /** The provider broke the protocol: its connection is to be closed with this reason. */
  readonly violated: (reason: CloseReason) => void;
  /** The provider could not open the request, because it no longer holds the sealing context. */
  readonly unopened: () => void;
  /** Our own code threw while it handled what the provider had sent on this stream. */
  readonly undigested: (fault: DigestFault) => void;
  /** The provider reported more tokens than are possible. */
  readonly usageClamped: (members: readonly ClampedMember[]) => void;
  /** The provider has confirmed our cancel and told what it had spent. Comes for attempts that had failed as well. */
  readonly cancelConfirmed: (confirmed: ConfirmedCancel) => void;
  /** An attempt that was reported as completed has turned out to be unusable. */
  readonly retracted: () => void;
}

/** Describes bytes that made our own code throw, without their content. */
export interface DigestFault {
  /** What was being handled; `reply` = writing the answer in the consumer's dialect. */
  readonly what: "working" | "data" | "complete" | "error" | "receipt" | "reply";
  /** Plaintext bytes of the frame, or of all that had come by then. */
  readonly sizeBytes: number;
  readonly thrown: unknown;
}

const ignore = (): void => {};

/** Only what the confirmation of a cancel needs: an attempt that waits for one must not keep the request in memory. */
export function forConfirmation({ id, provider, clock, cancelConfirmed }: AttemptDeps): AttemptDeps {
  return {
    id,
    provider,
    clock,
    cancelConfirmed,
    form: { dialect: "chat_completions", format: "body", body: new Uint8Array(), readEvent: () => ({ kind: "done" }) },
    opener: { open: () => new Uint8Array(), finished: false },
    receipts: undefined,
    answerTokens: undefined,
    working: ignore,
    content: ignore,
    ended: ignore,
    violated: ignore,
    unopened: ignore,
    undigested: ignore,
    usageClamped: ignore,
    retracted: ignore,
  };
}
