import { createHmac } from "node:crypto";
import { type Clock, describeFault, repeat } from "@hearth/platform";
import type { Logger } from "../platform/logger.js";
import type { LedgerStore, OutboxMessage } from "../store/ledger-store.js";

/** Where the operator's payment processor listens. */
export interface WebhookTarget {
  readonly url: string;
  /** Of the signatures: `whsec_` and base64, as Standard Webhooks has it. */
  readonly secret: string;
}

export interface WebhookDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: Pick<LedgerStore, "dueMessages" | "messageTried">;
  readonly target: WebhookTarget;
}

/** How often messages are looked for, ms. */
const LOOK_MS = 2_000;
/** Messages that are told in one go. */
const BATCH = 100;
/** How long the other side may take, ms. */
const ANSWER_MS = 10_000;
/** A message that was not taken is told again after this, twice as long each time … */
const FIRST_RETRY_MS = 5_000;
/** … and no less often than this, ms. */
const LAST_RETRY_MS = 6 * 3_600_000;

/**
 * Tells what has happened to money, signed as Standard Webhooks says (https://www.standardwebhooks.com): each message at
 * least once, until it was taken with a 2xx. Its id is the same each time, so that whoever hears it twice knows.
 */
export class Webhooks implements Disposable {
  readonly #deps: WebhookDeps;
  readonly #key: Buffer;
  readonly #looking: Disposable;
  #telling: Promise<void> | undefined;

  constructor(deps: WebhookDeps) {
    this.#deps = deps;
    this.#key = Buffer.from(deps.target.secret.replace(/^whsec_/, ""), "base64");
    this.#looking = repeat(deps.clock, LOOK_MS, () => void this.tell());
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
    const { store, clock, log } = this.#deps;
    try {
      for (const message of await store.dueMessages(clock.wallTime(), BATCH)) {
        const taken = await this.#post(message);
        const now = clock.wallTime();
        const end = taken ? { deliveredAtMs: now } : { nextAtMs: now + retryMs(message.attempts) };
        await store.messageTried(message.id, end);
      }
    } catch (error) {
      log.error({ fault: describeFault(error) }, "webhooks not told");
    }
  }

  async #post({ id, kind, payload, createdAtMs }: OutboxMessage): Promise<boolean> {
    const { clock, log, target } = this.#deps;
    const sentAt = Math.floor(clock.wallTime() / 1_000);
    const data = JSON.parse(payload) as unknown;
    const body = JSON.stringify({ type: kind, timestamp: new Date(createdAtMs).toISOString(), data });
    const signature = createHmac("sha256", this.#key).update(`${id}.${sentAt}.${body}`).digest("base64");
    const late = new AbortController();
    using _timer = clock.setTimer(ANSWER_MS, () => late.abort());
    try {
      const { status, body: answer } = await fetch(target.url, {
        method: "POST",
        headers: {
          "Content-Type": "application/json",
          "webhook-id": id,
          "webhook-timestamp": String(sentAt),
          "webhook-signature": `v1,${signature}`,
        },
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

const retryMs = (attempts: number): number => Math.min(FIRST_RETRY_MS * 2 ** Math.min(attempts, 20), LAST_RETRY_MS);
