import { BoundedMap, type Clock, describeFault, newSecret, randomText, repeat } from "@hearth/platform";
import { type MessageWords, webhookRequest } from "../ledger/webhook-message.js";
import { retryMs, type WebhookSettings } from "../ledger/webhook-settings.js";
import type { Logger } from "../platform/logger.js";
import type { KeptNoticeTarget, NoticeStore, NoticeTarget, OwnMessage } from "../store/notice-store.js";
import { type PostFailure, postSafely } from "./post-safely.js";

/** What an account may choose to hear. */
export const OWNER_EVENTS = [
  ...["machine.offline", "machine.fenced", "machine.back"],
  ...["budget.low", "budget.exhausted", "balance.low", "balance.exhausted"],
  ...["payout.paid", "payout.failed", "payout.returned"],
] as const;

export interface OwnerNoticeDeps {
  readonly store: NoticeStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly words: MessageWords;
  /** Whether this coordinator tells, and none beside it. */
  readonly isOurTurn: () => boolean;
  /** Any address, and HTTP as well. */
  readonly isPrivateAllowed: boolean;
  // Read at each use.
  readonly webhooks: () => WebhookSettings;
  readonly mostAnHour: () => number;
}

/** What an account asks for. */
export interface WantedNotices {
  readonly account: string;
  readonly url: string;
  readonly format: NoticeTarget["format"];
  readonly events: readonly string[];
  /** Another secret, also where there is one. */
  readonly isSecretNew: boolean;
}

export interface SetNotices {
  readonly target: NoticeTarget;
  /** Told this once; `undefined` = it is the one of before. */
  readonly secret: string | undefined;
}

export type Tested =
  | { readonly type: "none" }
  | { readonly type: "too_soon"; readonly waitMs: number }
  | { readonly type: "tried"; readonly atMs: number; readonly failure: PostFailure | undefined };

const SECRET_BYTES = 24;
const BATCH = 100;
/** How often it is looked whether another coordinator was told of a target, ms. */
const RELOAD_MS = 60_000;
/** How far back messages are looked for: others' clocks may differ, and what is slow to be written comes late. */
const OVERLAP_MS = 60_000;
/** … and at the start. */
const FIRST_LOOK_MS = 3_600_000;
const KEPT_MS = 7 * 24 * 3_600_000;
const BETWEEN_TESTS_MS = 10_000;
const MAX_TESTERS = 10_000;

/** Tells accounts of their own things, where they want that. Costs nothing while nobody does. */
export class OwnerNotices implements Disposable {
  readonly #deps: OwnerNoticeDeps;
  #targets: ReadonlyMap<string, NoticeTarget> = new Map();
  readonly #tests = new BoundedMap<string, number>(MAX_TESTERS);
  readonly #timers: readonly Disposable[];
  #fromMs: number;
  #looking: Promise<void> | undefined;
  #loading: Promise<void>;

  private constructor(deps: OwnerNoticeDeps) {
    this.#deps = deps;
    const { clock } = deps;
    this.#fromMs = clock.wallTime() - FIRST_LOOK_MS;
    this.#loading = this.#load();
    this.#timers = [
      repeat(clock, deps.webhooks().lookMs, () => void this.look()),
      repeat(clock, RELOAD_MS, () => {
        this.#loading = this.#load();
      }),
    ];
  }

  static async open(deps: OwnerNoticeDeps): Promise<OwnerNotices> {
    const notices = new OwnerNotices(deps);
    await notices.#loading;
    return notices;
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) timer[Symbol.dispose]();
  }

  /** Nothing of it uses the store any more, once this has resolved. */
  async ended(): Promise<void> {
    await Promise.all([this.#looking, this.#loading]);
  }

  wants(account: string, kind: string): boolean {
    return this.#targets.get(account)?.events.includes(kind) === true;
  }

  /** @throws what the store throws */
  find(account: string): Promise<KeptNoticeTarget | undefined> {
    return this.#deps.store.findTarget(account);
  }

  /** @throws what the store throws */
  async set({ account, url, format, events, isSecretNew }: WantedNotices): Promise<SetNotices> {
    const { store, clock } = this.#deps;
    const before = await store.findTarget(account);
    const secret = isSecretNew || before === undefined ? newSigningSecret() : before.secret;
    const target = { account, url, format, events, secret, sinceMs: clock.wallTime() };
    await store.putTarget(target);
    this.#targets = new Map([...this.#targets, [account, target]]);
    return { target, secret: secret === before?.secret ? undefined : secret };
  }

  /** @throws what the store throws */
  async remove(account: string): Promise<boolean> {
    const isGone = await this.#deps.store.removeTarget(account);
    this.#targets = new Map([...this.#targets].filter(([each]) => each !== account));
    return isGone;
  }

  /** Posts a message that says nothing, now. @throws what the store throws */
  async test(account: string): Promise<Tested> {
    const { store, clock } = this.#deps;
    const target = await store.findTarget(account);
    if (target === undefined) return { type: "none" };
    const waitMs = (this.#tests.get(account) ?? Number.NEGATIVE_INFINITY) + BETWEEN_TESTS_MS - clock.now();
    if (waitMs > 0) return { type: "too_soon", waitMs };
    this.#tests.set(account, clock.now());
    const createdAtMs = clock.wallTime();
    const payload = JSON.stringify({ account });
    const failure = await this.#post(target, { id: newSecret("test_"), kind: "test", payload, createdAtMs });
    await store.tested(account, { atMs: createdAtMs, failure });
    return { type: "tried", atMs: createdAtMs, failure };
  }

  /** Takes up what has happened, and tells what is due. Never rejects. */
  look(): Promise<void> {
    if (this.#targets.size === 0 || !this.#deps.isOurTurn()) return Promise.resolve();
    this.#looking ??= this.#lookOnce()
      .catch((error: unknown) => {
        this.#deps.log.error({ fault: describeFault(error) }, "notifications of accounts not told");
      })
      .finally(() => {
        this.#looking = undefined;
      });
    return this.#looking;
  }

  async #lookOnce(): Promise<void> {
    const { store, clock, webhooks, mostAnHour } = this.#deps;
    const nowMs = clock.wallTime();
    let fromMs = this.#fromMs;
    for (;;) {
      const lastMs = await store.spread({ fromMs, nowMs, mostAnHour: mostAnHour() });
      if (lastMs === undefined || lastMs === fromMs) break;
      fromMs = lastMs;
    }
    this.#fromMs = Math.max(this.#fromMs, Math.min(fromMs, nowMs) - OVERLAP_MS);
    const left = (await store.due(nowMs, BATCH)).values();
    await Promise.all(Array.from({ length: webhooks().atOnce }, () => this.#tellEach(left)));
    await store.prune(nowMs - KEPT_MS);
  }

  async #tellEach(messages: IterableIterator<OwnMessage>): Promise<void> {
    const { store, clock, webhooks, log } = this.#deps;
    for (const message of messages) {
      const target = this.#targets.get(message.account);
      if (target === undefined) continue;
      const failure = await this.#post(target, message);
      const now = clock.wallTime();
      if (failure !== undefined)
        log.info({ account: message.account, failure }, "notification of an account not taken");
      const nextAtMs = now + retryMs(message.attempts, webhooks());
      await store.tried(
        message.id,
        failure === undefined ? { deliveredAtMs: now } : { triedAtMs: now, nextAtMs, failure },
      );
    }
  }

  async #post(
    target: NoticeTarget,
    message: Pick<OwnMessage, "id" | "kind" | "payload" | "createdAtMs">,
  ): Promise<PostFailure | undefined> {
    const { clock, words, isPrivateAllowed, webhooks } = this.#deps;
    const late = new AbortController();
    using _timer = clock.setTimer(webhooks().answerMs, () => late.abort());
    const request = webhookRequest(target, message, { words, nowMs: clock.wallTime() });
    return await postSafely({ url: target.url, ...request, isPrivateAllowed }, late.signal);
  }

  async #load(): Promise<void> {
    try {
      const targets = await this.#deps.store.listTargets();
      this.#targets = new Map(targets.map((target) => [target.account, target]));
    } catch (error) {
      this.#deps.log.warn({ fault: describeFault(error) }, "notifications of accounts not read");
    }
  }
}

const newSigningSecret = (): string => `whsec_${Buffer.from(randomText(SECRET_BYTES), "base64url").toString("base64")}`;
