import { entryText, type SignedEntry } from "@hearth/attestation";
import type { Clock } from "@hearth/platform";
import type { HearthError } from "../platform/errors.js";
import type { Consumer } from "./consumer.js";

/** What a stream may end with. */
export interface Trailer {
  readonly requestId: string;
  /** The provider's receipt when it is here and true, `undefined` when there will be none. */
  readonly receipt: Promise<SignedEntry | undefined>;
}

/** How long the end of a stream waits for its receipt by default, ms. The answer's own last event waits for nothing. */
export const RECEIPT_WAIT_MS = 50;

/** What a stream may end with, known when its answer is complete. */
export interface Trailed {
  /** One for each of its answers that somebody signs for. */
  readonly trailers: readonly Trailer[];
}

/** Ends a stream with the provider's receipt, as a comment that no client of any dialect looks at unless it wants to. */
export class ReceiptedConsumer implements Consumer {
  readonly #consumer: Consumer;
  readonly #clock: Clock;
  readonly #waitMs: number;
  readonly #of: Trailed;
  #ended: Promise<void> | undefined;

  /** @param waitMs how long the stream stays open for a receipt that is not here yet */
  constructor(consumer: Consumer, clock: Clock, { waitMs, of }: { readonly waitMs: number; readonly of: Trailed }) {
    this.#consumer = consumer;
    this.#clock = clock;
    this.#waitMs = waitMs;
    this.#of = of;
  }

  /** Resolves when a stream that waits for its receipt has been ended; `undefined` when none does. Never rejects. */
  get ended(): Promise<void> | undefined {
    return this.#ended;
  }

  setHeaders(headers: Readonly<Record<string, string>>): void {
    this.#consumer.setHeaders(headers);
  }

  sendJson(body: object | Uint8Array): void {
    this.#consumer.sendJson(body);
  }

  sendError(error: HearthError): void {
    this.#consumer.sendError(error);
  }

  openStream(): void {
    this.#consumer.openStream();
  }

  write(bytes: Uint8Array | string): Promise<void> | undefined {
    return this.#consumer.write(bytes);
  }

  finishStream(...last: readonly (Uint8Array | string)[]): void {
    this.#consumer.finishStream(...last);
  }

  endStream(...last: readonly (Uint8Array | string)[]): void {
    const { trailers } = this.#of;
    if (trailers.length === 0) return this.#consumer.endStream(...last);
    this.#consumer.finishStream(...last);
    this.#ended = this.#trail(trailers);
  }

  async #trail(trailers: readonly Trailer[]): Promise<void> {
    let timer: Disposable | undefined;
    const late = new Promise<"pending">((resolve) => {
      timer = this.#clock.setTimer(this.#waitMs, () => resolve("pending"));
    });
    try {
      const came = await Promise.all(trailers.map((trailer) => commentOf(trailer, late)));
      this.#consumer.endStream(...came.filter((each) => each !== undefined));
    } finally {
      timer?.[Symbol.dispose]();
    }
  }
}

async function commentOf({ requestId, receipt }: Trailer, late: Promise<"pending">): Promise<string | undefined> {
  const came = await Promise.race([receipt, late]);
  if (came === "pending") return comment({ status: "pending", request_id: requestId });
  return came && comment(entryText(came));
}

const comment = (content: object): string => `: hearth-receipt ${JSON.stringify(content)}\n\n`;
