import type {
  CancelReason,
  CloseReason,
  DataFrame,
  ErrorFrame,
  RequestFrame,
  SealingContextFrame,
  Usage,
  WorkingScope,
  WorkingSign,
} from "@hearth/protocol";
import type { ClampedMember } from "../platform/clamped-members.js";
import type { AwaitedReceipt } from "./awaited-receipts.js";
import type { Provider } from "./provider.js";
import type { SessionTrust } from "./trust/session-trust.js";
import type { UsageBounds } from "./usage-bounds.js";

/** A provider's confirmation of a cancel. */
export interface ConfirmedCancel {
  /** How the stream ended on its side: it may have been complete before the cancel came. */
  readonly ended: "complete" | "error";
  /** What it had spent by then; `undefined` = it does not say. */
  readonly spent: Usage | undefined;
  /** Members of it that were impossible, and count as the most that was possible when the stream was cancelled. */
  readonly clamped: readonly ClampedMember[];
}

/**
 * The owner of a stream. After `complete`, `failed` or `lost` nothing more is called, and after a cancel only
 * `cancelConfirmed`.
 */
export interface StreamListener {
  /** @param scope `server`: the sign of life may be of other requests' work */
  working(sign: WorkingSign, counter: number, scope: WorkingScope): void;
  data(frame: DataFrame): void;
  /** @returns told of the stream's receipt; `undefined` = the receipt is of no interest */
  complete(usage: Usage): AwaitedReceipt | undefined;
  failed(frame: ErrorFrame): void;
  /** The connection went away. */
  lost(): void;
  /**
   * It ends for a reason that its machine has no part in: somebody else was quicker to take the slot, so that nothing was
   * sent (`outrun`), or the way to the machine broke (`cut`).
   */
  withdrawn(why: "outrun" | "cut"): void;
  /** The provider has confirmed a cancel. Called at most once, and not if the connection ends first. */
  cancelConfirmed(confirmed: ConfirmedCancel): void;
  /** The most tokens that the stream can have used by now. */
  usageBounds(): UsageBounds;
}

/** The sending side of one stream. Every method is harmless after the stream has ended. */
export interface ProviderStream {
  /** Lets the provider send this many more plaintext bytes. */
  grant(bytes: number): void;
  /** Asks the provider to stop. The listener hears nothing more but the confirmation. */
  cancel(reason: CancelReason): void;
}

/** A sealed request: the opening frame without its stream id, and the frames of its sealed body. */
export interface SealedRequest {
  /** The context that it is sealed under. The provider is told of it before the first request. */
  readonly context: Omit<SealingContextFrame, "type">;
  readonly opening: Omit<RequestFrame, "type" | "stream">;
  /** The expected size of prompt and answer, tokens: who counts slots elsewhere is told. Absent = not known. */
  readonly tokens?: number;
  /** Makes the binary frames once the session has assigned the stream's id. */
  readonly frames: (stream: number) => readonly Uint8Array[];
}

/** What a provider has proved about itself, as of the last challenge that it passed. */
export type Proven = Pick<SessionTrust, "batches" | "proof" | "passed" | "freshUntil">;

/** A provider that requests can be sent to. */
export interface ProviderLink extends Provider {
  readonly encryptionKey: NonNullable<Provider["encryptionKey"]>;
  /** What it has proved. `undefined` = it does not attest, so that its receipts prove nothing. */
  readonly proven: Proven | undefined;
  /**
   * Sends a request and routes what comes back to the listener.
   *
   * @returns `undefined` when the connection can take no request now: it is closing, or its backlog is full
   */
  openStream(request: SealedRequest, listener: StreamListener): ProviderStream | undefined;
  /** Ends the connection, and all that runs on it. */
  close(reason: CloseReason): void;
}
