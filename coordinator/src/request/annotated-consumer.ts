import { entryText, type SignedEntry } from "@hearth/attestation";
import type { Clock } from "@hearth/platform";
import { dollarText } from "../platform/decimal-text.js";
import type { HearthError } from "../platform/errors.js";
import { type MicroUsd, microUsdJson } from "../platform/micro-usd.js";
import type { Consumer, CostWriter } from "./consumer.js";

/** A receipt that a stream may end with. */
export interface Trailer {
  readonly requestId: string;
  /** The provider's receipt when it is here and true, `undefined` when there will be none. */
  readonly receipt: Promise<SignedEntry | undefined>;
}

/** What is told with the end of an answer. Known when the request has been settled. */
export interface Annotations {
  readonly request: { readonly id: string };
  /** `undefined` = nothing has a price. */
  readonly cost: MicroUsd | undefined;
  /** One for each answer that its provider signs. */
  readonly trailers: readonly Trailer[];
}

export interface AnnotatedConsumerDeps {
  readonly clock: Clock;
  /** How long a stream stays open for a receipt that is not here yet, ms. */
  readonly receiptWaitMs: number;
  /** Absent = the usage of this dialect has no member for the cost. */
  readonly cost?: CostWriter | undefined;
}

/** How long the end of a stream waits for its receipt by default, ms. The answer's own last event waits for nothing. */
export const RECEIPT_WAIT_MS = 50;

/**
 * Adds the cost and the provider's receipt to the end of an answer. The cost is in the usage, if the dialect has a
 * member for it, and in a header of a whole answer. Streams have cost and receipts in comments after the last event,
 * which clients ignore unless they look for them.
 */
export class AnnotatedConsumer implements Consumer {
  readonly #consumer: Consumer;
  readonly #deps: AnnotatedConsumerDeps;
  readonly #of: Annotations;
  #ended: Promise<void> | undefined;

  constructor(consumer: Consumer, deps: AnnotatedConsumerDeps, of: Annotations) {
    this.#consumer = consumer;
    this.#deps = deps;
    this.#of = of;
  }

  /** Resolves when a stream that waits for its receipt has ended; `undefined` if it does not wait. Never rejects. */
  get ended(): Promise<void> | undefined {
    return this.#ended;
  }

  setHeaders(headers: Readonly<Record<string, string>>): void {
    this.#consumer.setHeaders(headers);
  }

  sendJson(body: object | Uint8Array): void {
    const { cost } = this.#of;
    if (cost === undefined) return this.#consumer.sendJson(body);
    this.#consumer.setHeaders({ "X-Hearth-Cost": dollarText(cost) });
    this.#consumer.sendJson(this.#deps.cost?.whole(body, cost) ?? body);
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
    const told = this.#withCost(last);
    const { trailers } = this.#of;
    if (trailers.length === 0) return this.#consumer.endStream(...told);
    this.#consumer.finishStream(...told);
    this.#ended = this.#trail(trailers);
  }

  #withCost(last: readonly (Uint8Array | string)[]): readonly (Uint8Array | string)[] {
    const { cost, request } = this.#of;
    if (cost === undefined) return last;
    const told = { request_id: request.id, cost_micro_usd: microUsdJson(cost) };
    return [...last.map((event) => this.#deps.cost?.event(event, cost) ?? event), comment("cost", told)];
  }

  async #trail(trailers: readonly Trailer[]): Promise<void> {
    let timer: Disposable | undefined;
    const late = new Promise<"pending">((resolve) => {
      timer = this.#deps.clock.setTimer(this.#deps.receiptWaitMs, () => resolve("pending"));
    });
    try {
      const came = await Promise.all(trailers.map((trailer) => receiptComment(trailer, late)));
      this.#consumer.endStream(...came.filter((each) => each !== undefined));
    } finally {
      timer?.[Symbol.dispose]();
    }
  }
}

async function receiptComment({ requestId, receipt }: Trailer, late: Promise<"pending">): Promise<string | undefined> {
  const came = await Promise.race([receipt, late]);
  if (came === "pending") return comment("receipt", { status: "pending", request_id: requestId });
  return came && comment("receipt", entryText(came));
}

const comment = (what: "cost" | "receipt", content: object): string =>
  `: hearth-${what} ${JSON.stringify(content)}\n\n`;
