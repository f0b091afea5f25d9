import { dollarText } from "../platform/decimal-text.js";
import type { HearthError } from "../platform/errors.js";
import { type MicroUsd, microUsdJson } from "../platform/micro-usd.js";
import type { Consumer, CostWriter } from "./consumer.js";

/** What an answer has cost, known when its books are closed: before its end is told. */
export interface Charged {
  readonly request: { readonly id: string };
  /** `undefined` = nothing has a price. */
  readonly cost: MicroUsd | undefined;
}

/**
 * Tells what an answer has cost where it ends: in its usage where the dialect has room for that, a whole answer in a
 * header as well, a stream in a comment behind its last event, which no client looks at unless it wants to.
 */
export class PricedConsumer implements Consumer {
  readonly #consumer: Consumer;
  readonly #of: Charged;
  readonly #writer: CostWriter | undefined;

  /** @param writer `undefined` = the usage of this dialect has no room for it */
  constructor(consumer: Consumer, of: Charged, writer: CostWriter | undefined) {
    this.#consumer = consumer;
    this.#of = of;
    this.#writer = writer;
  }

  setHeaders(headers: Readonly<Record<string, string>>): void {
    this.#consumer.setHeaders(headers);
  }

  sendJson(body: object | Uint8Array): void {
    const { cost } = this.#of;
    if (cost === undefined) return this.#consumer.sendJson(body);
    this.#consumer.setHeaders({ "X-Hearth-Cost": dollarText(cost) });
    this.#consumer.sendJson(this.#writer?.whole(body, cost) ?? body);
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
    const { cost, request } = this.#of;
    if (cost === undefined) return this.#consumer.endStream(...last);
    const told = last.map((event) => this.#writer?.event(event, cost) ?? event);
    const content = { request_id: request.id, cost_micro_usd: microUsdJson(cost) };
    this.#consumer.endStream(...told, `: hearth-cost ${JSON.stringify(content)}\n\n`);
  }
}
