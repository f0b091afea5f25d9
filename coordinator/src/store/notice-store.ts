import type { OutboxMessage } from "./ledger-store.js";

/** Where an account wants to hear what of. */
export interface NoticeTarget {
  readonly account: string;
  readonly url: string;
  readonly format: "json" | "slack";
  /** Of the signatures: `whsec_` and base64. */
  readonly secret: string;
  /** Kinds of messages. */
  readonly events: readonly string[];
  /** What happened before is not told, wall-clock ms. */
  readonly sinceMs: number;
}

/** How it went the last time, wall-clock ms. */
export interface LastDelivery {
  readonly atMs: number;
  /** Why the message was not taken; `undefined` = it was. */
  readonly failure: string | undefined;
}

export interface KeptNoticeTarget extends NoticeTarget {
  readonly last: LastDelivery | undefined;
}

export interface OwnMessage extends OutboxMessage {
  readonly account: string;
}

export interface Spread {
  /** From when on messages are looked at, wall-clock ms. */
  readonly fromMs: number;
  readonly nowMs: number;
  /** Messages for one account within an hour; what is more is dropped. */
  readonly mostAnHour: number;
}

/** A message was taken, or is to be tried again then; so are all others of its account. */
export type OwnTried =
  | { readonly deliveredAtMs: number }
  | { readonly triedAtMs: number; readonly nextAtMs: number; readonly failure: string };

/** Messages that one `spread` looks at, and that one `prune` removes. */
export const NOTICE_BATCH = 500;

/** What accounts have asked to hear, and what waits to be told to them. */
export interface NoticeStore {
  /** In the place of the one that is there. */
  putTarget(target: NoticeTarget): Promise<void>;
  findTarget(account: string): Promise<KeptNoticeTarget | undefined>;
  /** And what waits for it. @returns whether there was one */
  removeTarget(account: string): Promise<boolean>;
  listTargets(): Promise<readonly NoticeTarget[]>;
  /**
   * Makes of each message of the outbox that is about an account's things one for that account, if it wants that. A
   * message is never made twice.
   *
   * @returns when the last message that was looked at is of; `undefined` = there was none
   */
  spread(spread: Spread): Promise<number | undefined>;
  /** The oldest that is due, of each account one. */
  due(nowMs: number, limit: number): Promise<readonly OwnMessage[]>;
  /** A message that says nothing was sent. */
  tested(account: string, last: LastDelivery): Promise<void>;
  tried(id: string, tried: OwnTried): Promise<void>;
  /** Forgets messages of before then, at most `NOTICE_BATCH`. @returns how many */
  prune(beforeMs: number): Promise<number>;
}
