import { MAX_OVERHEAD_BYTES, type ResponseSealer } from "@hearth/e2e";
import { DATA_HEADER_BYTES, DATA_MARKS, type Holding, LIMITS, writeDataHeader } from "@hearth/protocol";

/** The sending side of the socket, as far as data frames need it. */
export interface DataOutlet {
  sendData(bytes: Uint8Array): void;
  /** Too much waits to be sent. */
  readonly congested: boolean;
  /** Calls `resume` once when it is no longer congested; the same function given twice is called once. */
  onWritable(resume: () => void): void;
}

/** What a part of an answer can be. */
export type AnswerPart = Exclude<Holding, "body">;

/** Plaintext that fits one frame, bytes. */
export const FRAME_PLAINTEXT_BYTES: number = LIMITS.frameBytes - DATA_HEADER_BYTES - MAX_OVERHEAD_BYTES;

interface Waiting {
  readonly plaintext: Uint8Array;
  readonly holds: AnswerPart;
  readonly final: boolean;
}

export interface CreditedSenderHooks {
  /** Gets each plaintext as it is sealed, in order. */
  sealed(plaintext: Uint8Array): void;
}

export interface CreditedSenderDeps {
  readonly stream: number;
  readonly sealer: ResponseSealer;
  readonly outlet: DataOutlet;
  readonly hooks?: CreditedSenderHooks | undefined;
}

/**
 * Seals and sends an answer strictly in the order of the writes, at the pace of the coordinator's credit and of the
 * socket. Credit is spent in plaintext bytes; a single frame may overshoot it.
 */
export class CreditedSender {
  readonly #deps: CreditedSenderDeps;
  readonly #queue: Waiting[] = [];
  #creditBytes: number = LIMITS.initialCreditBytes;
  #settle: (() => void)[] = [];

  #closed = false;
  #heldUp = false;

  constructor(deps: CreditedSenderDeps) {
    this.#deps = deps;
  }

  /** The sequence number of the chunk that was sealed last; -1 = none was. */
  get lastSeq(): number {
    return this.#deps.sealer.nextSeq - 1;
  }

  /** Whether credit or the socket has held the answer up: then its pace says nothing of the backend. */
  get heldUp(): boolean {
    return this.#heldUp;
  }

  /**
   * Sends at once, or as soon as credit and the socket allow. What is too large for one frame goes out in several small
   * ones, so that other streams need not wait long. Await `settled` before writing more than a little.
   */
  write(plaintext: Uint8Array, holds: AnswerPart, final = false): void {
    if (this.#closed) return;
    const partBytes = plaintext.length > FRAME_PLAINTEXT_BYTES ? LIMITS.responseChunkBytes : plaintext.length;
    let at = 0;
    for (; at + partBytes < plaintext.length; at += partBytes) {
      this.#queue.push({ plaintext: plaintext.subarray(at, at + partBytes), holds, final: false });
    }
    this.#queue.push({ plaintext: at === 0 ? plaintext : plaintext.subarray(at), holds, final });
    this.#pump();
  }

  grant(bytes: number): void {
    this.#creditBytes += bytes;
    this.#pump();
  }

  /** Resolves when everything has been sent, or the sender is closed; `undefined` when nothing waits. */
  settled(): Promise<void> | undefined {
    if (this.#queue.length === 0) return undefined;
    this.#heldUp = true;
    return new Promise((resolve) => this.#settle.push(resolve));
  }

  /** Nothing more is sent. */
  close(): void {
    this.#closed = true;
    this.#queue.length = 0;
    this.#wake();
  }

  readonly #pump = (): void => {
    const { outlet } = this.#deps;
    while (this.#creditBytes > 0) {
      if (this.#queue.length > 0 && outlet.congested) return outlet.onWritable(this.#pump);
      const next = this.#queue.shift();
      if (next === undefined) return this.#wake();
      this.#send(next);
    }
    if (this.#queue.length === 0) this.#wake();
  };

  #send({ plaintext, holds, final }: Waiting): void {
    const { stream, sealer, outlet, hooks } = this.#deps;
    this.#creditBytes -= plaintext.length;
    const seq = sealer.nextSeq;
    const frame = sealer.seal(plaintext, final, DATA_HEADER_BYTES, DATA_MARKS[holds]);
    hooks?.sealed(plaintext);
    writeDataHeader(frame, { kind: "response", stream, seq, final, holds });
    outlet.sendData(frame);
  }

  #wake(): void {
    if (this.#settle.length === 0) return;
    const settle = this.#settle;
    this.#settle = [];
    for (const resolve of settle) resolve();
  }
}
