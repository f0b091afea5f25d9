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

/** What a provider says of a stream that it was asked to stop. */
export interface ConfirmedCancel {
  /** How the stream ended on its side: it may have been done before the cancel came. */
  readonly ended: "complete" | "error";
  /** What had been spent by then; `undefined` = it does not say. */
  readonly spent: Usage | undefined;
  /** What cannot be true of it: counted as the most that could when the stream was cancelled. */
  readonly clamped: readonly ClampedMember[];
}

/**
 * What a stream's owner hears. After `complete`, `failed` or `lost` nothing more comes, and after a cancel nothing but
 * `cancelConfirmed`.
 */
export interface StreamListener {
  /** @param scope `server`: what moved cannot be tied to this stream's request */
  working(sign: WorkingSign, counter: number, scope: WorkingScope): void;
  data(frame: DataFrame): void;
  /** @returns who is to hear of the stream's receipt; `undefined` = nobody */
  complete(usage: Usage): AwaitedReceipt | undefined;
  failed(frame: ErrorFrame): void;
  /** The connection went away. */
  lost(): void;
  /** The provider has answered a cancel: at most once, and not at all when the connection ends first. */
  cancelConfirmed(confirmed: ConfirmedCancel): void;
  /** The most that the stream can have cost by now. */
  usageBounds(): UsageBounds;
}

/** The sending side of one stream. Every method is harmless after the stream has ended. */
export interface ProviderStream {
  /** Lets the provider send this many more plaintext bytes. */
  grant(bytes: number): void;
  /** Asks the provider to stop; the listener hears nothing more but that this was confirmed. */
  cancel(reason: CancelReason): void;
}

/** A sealed request: the opening frame without its stream id, and the sealed body, each with room for a data header. */
export interface SealedRequest {
  /** The context that it is sealed under: told before the first request that is. */
  readonly context: Omit<SealingContextFrame, "type">;
  readonly opening: Omit<RequestFrame, "type" | "stream">;
  /** Complete binary frames but for the stream id, which is not known before the session assigns it. */
  readonly frames: (stream: number) => readonly Uint8Array[];
}

/** What a provider has proved of itself, as of its last passed challenge. */
export type Proven = Pick<SessionTrust, "batches" | "proof" | "passed" | "freshUntil">;

/** A provider that a request can be sent to, wherever its connection ends. */
export interface ProviderLink extends Provider {
  readonly encryptionKey: NonNullable<Provider["encryptionKey"]>;
  /** What it has proved; absent = it does not attest, and its receipts prove nothing. */
  readonly proven: Proven | undefined;
  /**
   * Sends a request and routes what comes back to the listener.
   *
   * @returns `undefined` when this connection can take nothing now: it is closing, or its backlog is full
   */
  openStream(request: SealedRequest, listener: StreamListener): ProviderStream | undefined;
  /** Ends the connection, and all that runs on it. */
  close(reason: CloseReason): void;
}
