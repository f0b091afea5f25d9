import type { Clock } from "@hearth/platform";
import {
  type CancelReason,
  type DataFrame,
  decodeData,
  type ErrorFrame,
  LIMITS,
  type Usage,
  type WorkingScope,
  type WorkingSign,
} from "@hearth/protocol";
import type { AwaitedReceipt } from "../fleet/awaited-receipts.js";
import type { ConfirmedCancel, ProviderLink, ProviderStream, StreamListener } from "../fleet/provider-link.js";
import { type UsageBounds, usageBounds } from "../fleet/usage-bounds.js";
import type { OpenPayload } from "./node-frames.js";
import type { StreamWire } from "./stream-wire.js";

/** How long a cancel may take to be confirmed, ms: as long as a machine's own connection waits for it. */
const CANCEL_GRACE_MS = 30_000;
/** Sealed bytes of a body at most: what sealing adds to each part is far below this. */
const MAX_BODY_BYTES = LIMITS.forwardedBodyBytes + LIMITS.frameBytes;
/** Where the number of the stream stands in a data frame. */
const STREAM_AT = 1;

/** Whether a request of another node may have a slot of one of our machines. */
export type Admission =
  | {
      readonly type: "admitted";
      readonly machine: Pick<ProviderLink, "openStream" | "proven">;
      readonly slot: Disposable;
    }
  | { readonly type: "refused" };

/** Takes a slot of a machine for a request of another node. */
export type Admit = (open: OpenPayload, holder: string) => Admission;

export interface RelayedStreamDeps {
  readonly clock: Clock;
  readonly admit: Admit;
  /** So many more bytes of bodies that are not whole are held; less than none = they have gone. @returns false = too many */
  readonly gathering: (bytes: number) => boolean;
  /** Nothing more comes of it, and it is listened to no more. */
  readonly over: () => void;
}

type State =
  | {
      readonly type: "gathering";
      readonly machine: Pick<ProviderLink, "openStream" | "proven">;
      readonly timeout: Disposable;
    }
  | { readonly type: "open"; readonly stream: ProviderStream; readonly attests: boolean }
  | { readonly type: "cancelled"; readonly grace: Disposable }
  /** Its answer is complete, and its receipt may come. */
  | { readonly type: "complete" }
  | { readonly type: "over" };

/**
 * A stream of another node with one of our machines. What goes through is sealed between the two: here it is relayed,
 * and nothing of it can be read.
 */
export class RelayedStream implements StreamListener {
  readonly #wire: StreamWire;
  readonly #open: OpenPayload;
  readonly #deps: RelayedStreamDeps;
  readonly #startedAt: number;
  #state: State = { type: "over" };
  #slot: Disposable | undefined;
  #body: Uint8Array[] = [];
  #bodyBytes = 0;
  #answerBytes = 0;

  constructor(wire: StreamWire, open: OpenPayload, deps: RelayedStreamDeps) {
    this.#wire = wire;
    this.#open = open;
    this.#deps = deps;
    this.#startedAt = deps.clock.now();
  }

  /** The machine works for it, or is about to. */
  get isRunning(): boolean {
    return this.#state.type === "gathering" || this.#state.type === "open";
  }

  /** @param holder the node that asks */
  begin(holder: string): void {
    const admission = this.#deps.admit(this.#open, holder);
    if (admission.type === "refused") return this.#refuse();
    this.#slot = admission.slot;
    const timeout = this.#deps.clock.setTimer(this.#open.remaining_ms, () => this.#refuse());
    this.#state = { type: "gathering", machine: admission.machine, timeout };
  }

  /** A part of the body. @returns `false` for what must not come */
  body(payload: Uint8Array): boolean {
    if (this.#state.type !== "gathering") return this.#state.type !== "open";
    const frame = decodeData(payload);
    this.#bodyBytes += payload.length;
    if (frame?.kind !== "request" || this.#bodyBytes > MAX_BODY_BYTES) return false;
    // A view into the message, which is ours: the machine's number of the stream is written into it.
    this.#body.push(payload);
    if (!this.#deps.gathering(payload.length)) this.#refuse();
    else if (frame.final) this.#forward(this.#state.machine);
    return true;
  }

  credit(bytes: number): void {
    if (this.#state.type === "open") this.#state.stream.grant(bytes);
  }

  cancel(reason: CancelReason): void {
    if (this.#state.type === "gathering") return this.#end();
    if (this.#state.type !== "open") return;
    this.#state.stream.cancel(reason);
    this.#state = { type: "cancelled", grace: this.#deps.clock.setTimer(CANCEL_GRACE_MS, () => this.#end()) };
    this.#free();
  }

  /** The node that has asked is gone. */
  abandon(): void {
    if (this.#state.type === "open") this.#state.stream.cancel("consumer_gone");
    this.#end();
  }

  working(sign: WorkingSign, counter: number, scope: WorkingScope): void {
    this.#wire.send("working", { sign, counter, scope });
  }

  data(frame: DataFrame): void {
    this.#answerBytes += frame.ciphertext.length;
    this.#wire.sendData(frame);
  }

  complete(usage: Usage): AwaitedReceipt | undefined {
    const attests = this.#state.type === "open" && this.#state.attests;
    this.#wire.send("complete", { usage });
    this.#state = { type: "complete" };
    this.#free();
    if (!attests) {
      this.#wire.send("receipt");
      this.#end();
      return undefined;
    }
    return {
      came: (receipt) => {
        this.#wire.send("receipt", receipt);
        this.#end();
      },
      missed: () => {
        this.#wire.send("receipt");
        this.#end();
      },
    };
  }

  failed(frame: ErrorFrame): void {
    this.#wire.send("failed", frame);
    this.#end();
  }

  lost(): void {
    this.#wire.send("lost");
    this.#end();
  }

  cancelConfirmed({ ended, spent }: ConfirmedCancel): void {
    this.#wire.send("confirmed", { ended, spent });
    this.#end();
  }

  /** The other node knows the answer and holds what is said to tighter bounds. */
  usageBounds(): UsageBounds {
    return usageBounds({
      promptBytes: this.#open.opening.body_bytes,
      answerBytes: this.#answerBytes,
      elapsedMs: this.#deps.clock.now() - this.#startedAt,
      answerTokens: undefined,
    });
  }

  #forward(machine: Pick<ProviderLink, "openStream" | "proven">): void {
    const { context, opening } = this.#open;
    const body = this.#takeBody();
    const frames = (stream: number): readonly Uint8Array[] => {
      for (const part of body) Buffer.from(part.buffer, part.byteOffset, part.length).writeUInt32BE(stream, STREAM_AT);
      return body;
    };
    const stream = machine.openStream({ context, opening, frames }, this);
    if (stream === undefined) return this.#refuse();
    this.#stopWaiting();
    this.#state = { type: "open", stream, attests: machine.proven !== undefined };
  }

  /** Our machines are in our reach. */
  withdrawn(): void {
    this.#refuse();
  }

  #refuse(): void {
    this.#wire.send("refused");
    this.#end();
  }

  #takeBody(): readonly Uint8Array[] {
    const body = this.#body;
    this.#body = [];
    this.#deps.gathering(-body.reduce((sum, { length }) => sum + length, 0));
    return body;
  }

  #stopWaiting(): void {
    if (this.#state.type === "gathering") this.#state.timeout[Symbol.dispose]();
    if (this.#state.type === "cancelled") this.#state.grace[Symbol.dispose]();
  }

  #free(): void {
    this.#slot?.[Symbol.dispose]();
    this.#slot = undefined;
  }

  #end(): void {
    this.#stopWaiting();
    this.#takeBody();
    this.#state = { type: "over" };
    this.#free();
    this.#deps.over();
  }
}
