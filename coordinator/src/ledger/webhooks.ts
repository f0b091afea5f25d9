import { createHmac } from "node:crypto";
import { type Clock, describeFault, repeat } from "@hearth/platform";
import type { Logger } from "../platform/logger.js";
import type { LedgerStore, OutboxMessage } from "../store/ledger-store.js";
import type { WebhookSettings } from "./webhook-settings.js";

/** Where the operator's payment processor listens. */
export interface WebhookTarget {
  readonly url: string;
  /** Of the signatures: `whsec_` and base64, as Standard Webhooks has it; absent = none are made. */
  readonly secret?: string | undefined;
  /** `slack`: words for people, in the form that Slack and others take. */
  readonly format: WebhookFormat;
}

export const WEBHOOK_FORMATS = ["json", "slack"] as const;
export type WebhookFormat = (typeof WEBHOOK_FORMATS)[number];

export interface WebhookDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: Pick<LedgerStore, "dueMessages" | "messageTried">;
  readonly target: WebhookTarget;
  /** A message in words. */
  readonly words: (kind: string, data: Readonly<Record<string, unknown>>) => string;
  /** Read at each use. */
  readonly settings: () => WebhookSettings;
}

/** Messages that are looked for in one go. */
const BATCH = 100;

/**
 * Tells what has happened to money, signed as Standard Webhooks says (https://www.standardwebhooks.com): each message at
 * least once, until it was taken with a 2xx. Its id is the same each time, so that whoever hears it twice knows.
 */
export class Webhooks implements Disposable {
  readonly #deps: WebhookDeps;
  readonly #key: Buffer | undefined;
  readonly #looking: Disposable;
  #telling: Promise<void> | undefined;

  constructor(deps: WebhookDeps) {
    this.#deps = deps;
    const { secret } = deps.target;
    this.#key = secret === undefined ? undefined : Buffer.from(secret.replace(/^whsec_/, ""), "base64");
    this.#looking = repeat(deps.clock, deps.settings().lookMs, () => void this.tell());
  }

  [Symbol.dispose](): void {
    this.#looking[Symbol.dispose]();
  }

  /** Tells what is due. Never rejects. */
  tell(): Promise<void> {
    this.#telling ??= this.#tellDue().finally(() => {
      this.#telling = undefined;
    });
    return this.#telling;
  }

  async #tellDue(): Promise<void> {
    const { store, clock, log, settings } = this.#deps;
    try {
      const due = await store.dueMessages(clock.wallTime(), BATCH);
      const left = due.values();
      // Each takes the next message when it has told the one before.
      await Promise.all(Array.from({ length: settings().atOnce }, () => this.#tellEach(left)));
    } catch (error) {
      log.error({ fault: describeFault(error) }, "webhooks not told");
    }
  }

  async #tellEach(messages: IterableIterator<OutboxMessage>): Promise<void> {
    const { store, clock, settings } = this.#deps;
    for (const message of messages) {
      const taken = await this.#post(message);
      const now = clock.wallTime();
      const end = taken ? { deliveredAtMs: now } : { nextAtMs: now + retryMs(message.attempts, settings()) };
      await store.messageTried(message.id, end);
    }
  }

  #bodyOf({ kind, payload, createdAtMs }: OutboxMessage): string {
    const { target, words } = this.#deps;
    const data = JSON.parse(payload) as Readonly<Record<string, unknown>>;
    switch (target.format) {
      case "json":
        return JSON.stringify({ type: kind, timestamp: new Date(createdAtMs).toISOString(), data });
      case "slack":
        return JSON.stringify({ text: words(kind, data) });
    }
  }

  #headersOf(id: string, body: string): Readonly<Record<string, string>> {
    const sentAt = Math.floor(this.#deps.clock.wallTime() / 1_000);
    const named = { "Content-Type": "application/json", "webhook-id": id, "webhook-timestamp": String(sentAt) };
    if (this.#key === undefined) return named;
    const signature = createHmac("sha256", this.#key).update(`${id}.${sentAt}.${body}`).digest("base64");
    return { ...named, "webhook-signature": `v1,${signature}` };
  }

  async #post(message: OutboxMessage): Promise<boolean> {
    const { clock, log, target, settings } = this.#deps;
    const { id } = message;
    const body = this.#bodyOf(message);
    const late = new AbortController();
    using _timer = clock.setTimer(settings().answerMs, () => late.abort());
    try {
      const { status, body: answer } = await fetch(target.url, {
        method: "POST",
        headers: this.#headersOf(id, body),
        body,
        redirect: "error",
        signal: late.signal,
      });
      await answer?.cancel();
      if (status >= 200 && status < 300) return true;
      log.warn({ message: id, status }, "webhook not taken");
    } catch (error) {
      log.warn({ message: id, fault: describeFault(error) }, "webhook not taken");
    }
    return false;
  }
}

const retryMs = (attempts: number, { firstRetryMs, lastRetryMs }: WebhookSettings): number =>
  Math.min(firstRetryMs * 2 ** Math.min(attempts, 20), lastRetryMs);
