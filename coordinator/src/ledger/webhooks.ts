import { type Clock, describeFault, repeat } from "@hearth/platform";
import type { Logger } from "../platform/logger.js";
import type { LedgerStore, OutboxMessage } from "../store/ledger-store.js";
import { type MessageWords, type WebhookTarget, webhookRequest } from "./webhook-message.js";
import { retryMs, type WebhookSettings } from "./webhook-settings.js";

export interface WebhookDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: Pick<LedgerStore, "dueMessages" | "messageTried">;
  readonly target: WebhookTarget;
  readonly words: MessageWords;
  /** Whether this coordinator tells, and none beside it; absent = it is the only one. */
  readonly isOurTurn?: () => boolean;
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
  readonly #looking: Disposable;
  #telling: Promise<void> | undefined;

  constructor(deps: WebhookDeps) {
    this.#deps = deps;
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
    const { store, clock, log, settings, isOurTurn } = this.#deps;
    if (isOurTurn?.() === false) return;
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

  async #post(message: OutboxMessage): Promise<boolean> {
    const { clock, log, target, words, settings } = this.#deps;
    const { id } = message;
    const late = new AbortController();
    using _timer = clock.setTimer(settings().answerMs, () => late.abort());
    try {
      const { status, body: answer } = await fetch(target.url, {
        method: "POST",
        ...webhookRequest(target, message, { words, nowMs: clock.wallTime() }),
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
