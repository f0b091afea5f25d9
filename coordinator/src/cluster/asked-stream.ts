import type { Clock } from "@hearth/platform";
import { type CancelReason, decodeData } from "@hearth/protocol";
import type { AwaitedReceipt } from "../fleet/awaited-receipts.js";
import type { ProviderStream, StreamListener } from "../fleet/provider-link.js";
import { clampUsage, type UsageBounds } from "../fleet/usage-bounds.js";
import {
  completePayload,
  confirmedPayload,
  failedPayload,
  type NodeFrame,
  readPayload,
  receiptPayload,
  workingPayload,
} from "./node-frames.js";
import type { StreamWire } from "./stream-wire.js";

/** How long a cancel may take to be confirmed, ms: as for a machine of our own. */
const CANCEL_GRACE_MS = 30_000;

type State =
  /** A slot is being leased; nothing has been sent. */
  | { readonly type: "waiting" }
  | { readonly type: "open"; readonly wire: StreamWire }
  /** Its answer is complete, and its receipt may come. */
  | { readonly type: "complete"; readonly receipt: AwaitedReceipt }
  | { readonly type: "cancelled"; readonly bounds: UsageBounds; readonly grace: Disposable }
  | { readonly type: "over" };

export interface AskedStreamHooks {
  /** The machine does not work for it any more: its slot is free. Called once. */
  freed(): void;
  /** Nothing more comes of it. Called once. */
  over(): void;
  /** The node that has the machine has refused it. */
  refused(): void;
}

/** A stream with a machine of another node, at the end that has asked for it. */
export class AskedStream implements ProviderStream {
  readonly #listener: StreamListener;
  readonly #clock: Clock;
  #hooks: AskedStreamHooks;
  #state: State = { type: "waiting" };
  #isFreed = false;

  constructor(listener: StreamListener, clock: Clock, hooks: AskedStreamHooks) {
    this.#listener = listener;
    this.#clock = clock;
    this.#hooks = hooks;
  }

  /** It was cancelled, or has failed, before it was sent. */
  get isOver(): boolean {
    return this.#state.type === "over";
  }

  /** It is on its way. @param over told beside the hooks when nothing more comes of it */
  sent(wire: StreamWire, over: () => void): void {
    const { over: told, ...hooks } = this.#hooks;
    this.#hooks = {
      ...hooks,
      over() {
        told();
        over();
      },
    };
    this.#state = { type: "open", wire };
  }

  grant(bytes: number): void {
    if (this.#state.type !== "open") return;
    const payload = Buffer.allocUnsafe(4);
    payload.writeUInt32BE(bytes);
    this.#state.wire.send("credit", payload);
  }

  cancel(reason: CancelReason): void {
    if (this.#state.type === "waiting") return this.#end();
    if (this.#state.type !== "open") return;
    this.#state.wire.send("cancel", { reason });
    const grace = this.#clock.setTimer(CANCEL_GRACE_MS, () => this.#end());
    this.#state = { type: "cancelled", bounds: this.#listener.usageBounds(), grace };
    this.#free();
  }

  /** It could not be sent, or its node is out of reach: the machine is not to blame. */
  withdraw(why: "outrun" | "cut"): void {
    const { type } = this.#state;
    if (this.#state.type === "complete") this.#state.receipt.missed();
    this.#end();
    if (type === "waiting" || type === "open") this.#listener.withdrawn(why);
  }

  /** @returns `false` for what must not come */
  take({ kind, payload }: NodeFrame): boolean {
    switch (kind) {
      case "data": {
        const frame = decodeData(payload);
        if (frame?.kind !== "response") return false;
        if (this.#state.type === "open") this.#listener.data(frame);
        return true;
      }
      case "working": {
        const said = readPayload(workingPayload, payload);
        if (said === undefined) return false;
        if (this.#state.type === "open") this.#listener.working(said.sign, said.counter, said.scope ?? "request");
        return true;
      }
      case "complete":
        return this.#complete(payload);
      case "failed":
        return this.#failed(payload);
      case "lost":
        this.#terminal(() => this.#listener.lost());
        return true;
      case "refused":
        this.#hooks.refused();
        this.withdraw("outrun");
        return true;
      case "confirmed":
        return this.#confirmed(payload);
      case "receipt":
        return this.#receipt(payload);
      case "open":
      case "body":
      case "credit":
      case "cancel":
      case "disconnect":
        return false;
    }
  }

  #complete(payload: Buffer): boolean {
    const told = readPayload(completePayload, payload);
    if (told === undefined) return false;
    if (this.#state.type !== "open") return true;
    this.#free();
    const receipt = this.#listener.complete(told.usage);
    if (receipt === undefined) this.#end();
    else this.#state = { type: "complete", receipt };
    return true;
  }

  #failed(payload: Buffer): boolean {
    const frame = readPayload(failedPayload, payload);
    if (frame !== undefined) this.#terminal(() => this.#listener.failed(frame));
    return frame !== undefined;
  }

  #confirmed(payload: Buffer): boolean {
    const told = readPayload(confirmedPayload, payload);
    if (told === undefined) return false;
    if (this.#state.type !== "cancelled") return true;
    const counted = told.spent === undefined ? undefined : clampUsage(told.spent, this.#state.bounds);
    this.#end();
    this.#listener.cancelConfirmed({ ended: told.ended, spent: counted?.usage, clamped: counted?.clamped ?? [] });
    return true;
  }

  #receipt(payload: Buffer): boolean {
    const receipt = payload.length === 0 ? null : readPayload(receiptPayload, payload);
    if (receipt === undefined) return false;
    if (this.#state.type !== "complete") return true;
    const { receipt: awaited } = this.#state;
    this.#end();
    if (receipt === null) awaited.missed();
    else awaited.came(receipt);
    return true;
  }

  #terminal(tell: () => void): void {
    const wasOpen = this.#state.type === "open";
    this.#end();
    if (wasOpen) tell();
  }

  #free(): void {
    if (this.#isFreed) return;
    this.#isFreed = true;
    this.#hooks.freed();
  }

  #end(): void {
    if (this.#state.type === "over") return;
    if (this.#state.type === "cancelled") this.#state.grace[Symbol.dispose]();
    this.#state = { type: "over" };
    this.#free();
    this.#hooks.over();
  }
}
