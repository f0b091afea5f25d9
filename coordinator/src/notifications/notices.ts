import { BoundedMap, type Clock, describeFault, repeat } from "@hearth/platform";
import { digestOf } from "../platform/digest.js";
import type { Logger } from "../platform/logger.js";
import type { LedgerStore } from "../store/ledger-store.js";
import type { NotificationSettings } from "./settings.js";

export type NoticeKind =
  | "model.outage"
  | "model.recovered"
  | "machine.offline"
  | "machine.fenced"
  | "machine.back"
  | "ledger.audit_failed"
  | "budget.low"
  | "budget.exhausted"
  | "balance.exhausted";

/** Something that the operator is to hear, or the account that it is about. */
export interface Notice {
  readonly kind: NoticeKind;
  /** What it is about. It is in one state at a time: the kind of what was told of it last. */
  readonly subject: string;
  /** What was told before is over: where nothing was, there is nothing to be told. */
  readonly isEnd?: boolean;
  /** Of all with the same mark one is told, over restarts and by whichever coordinator of the database is first. */
  readonly once?: string;
  /** Names and numbers. Never a secret, a prompt or an answer. */
  readonly data: Readonly<Record<string, string | number>>;
}

/** `owner`: only the account that it is about. */
export type Hearers = "operator" | "owner";

export interface NoticeDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: Pick<LedgerStore, "addMessage">;
  /** Who is to hear something, if anybody is. Read at each use. */
  readonly hearers: (kind: NoticeKind, account: string | undefined) => Hearers | undefined;
  /** Read at each use. */
  readonly settings: () => Pick<NotificationSettings, "lookMs" | "gapMs" | "mostAnHour" | "subjects">;
}

interface Waiting {
  readonly notice: Notice;
  /** When it happened, wall-clock ms. */
  readonly atMs: number;
}

interface Told {
  readonly kind: NoticeKind;
  readonly at: number;
}

const HOUR_MS = 3_600_000;

/**
 * Puts into the outbox what the operator is to hear, one message for each change of a subject's state. What changes to
 * and fro is told as it is when the pause after the last message is over, and not at all if it is again as it was told.
 */
export class Notices implements Disposable {
  readonly #deps: NoticeDeps;
  readonly #waiting: BoundedMap<string, Waiting>;
  readonly #told: BoundedMap<string, Told>;
  /** Of each kind, how many were told in the present hour. */
  readonly #counts = new Map<NoticeKind, { readonly since: number; count: number }>();
  readonly #looking: Disposable;
  #writing: Promise<void> | undefined;

  constructor(deps: NoticeDeps) {
    this.#deps = deps;
    const most = (): number => deps.settings().subjects;
    this.#waiting = new BoundedMap(most);
    this.#told = new BoundedMap(most);
    this.#looking = repeat(deps.clock, deps.settings().lookMs, () => void this.write());
  }

  [Symbol.dispose](): void {
    this.#looking[Symbol.dispose]();
  }

  /** Returns at once. */
  tell(notice: Notice): void {
    const { kind, subject, isEnd = false } = notice;
    if (this.#hearersOf(notice) === undefined) return;
    const told = this.#told.get(subject);
    if (told?.kind === kind || (isEnd && told === undefined)) {
      this.#waiting.delete(subject);
      return;
    }
    this.#waiting.set(subject, { notice, atMs: this.#deps.clock.wallTime() });
    void this.write();
  }

  /** Writes down what may be told now. Never rejects. */
  write(): Promise<void> {
    this.#writing ??= this.#writeDue().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async #writeDue(): Promise<void> {
    for (const [subject, waiting] of [...this.#waiting.entries()]) {
      if (!this.#isDue(waiting.notice) || !(await this.#writeOne(subject, waiting))) continue;
      this.#count(waiting.notice.kind);
    }
  }

  #hearersOf({ kind, data }: Notice): Hearers | undefined {
    const { account } = data;
    return this.#deps.hearers(kind, typeof account === "string" ? account : undefined);
  }

  #isDue({ kind, subject }: Notice): boolean {
    const { clock, settings } = this.#deps;
    const { gapMs, mostAnHour } = settings();
    const told = this.#told.get(subject);
    if (told !== undefined && clock.now() - told.at < gapMs) return false;
    const hour = this.#counts.get(kind);
    return hour === undefined || clock.now() - hour.since >= HOUR_MS ? mostAnHour > 0 : hour.count < mostAnHour;
  }

  #count(kind: NoticeKind): void {
    const now = this.#deps.clock.now();
    const hour = this.#counts.get(kind);
    if (hour === undefined || now - hour.since >= HOUR_MS) this.#counts.set(kind, { since: now, count: 1 });
    else hour.count += 1;
  }

  async #writeOne(subject: string, waiting: Waiting): Promise<boolean> {
    const { clock, log, store } = this.#deps;
    const { notice, atMs } = waiting;
    const { kind, once = String(atMs), data } = notice;
    const before = this.#told.get(subject);
    // Whatever happens to it while the store is at work is compared with this.
    this.#told.set(subject, { kind, at: clock.now() });
    this.#waiting.delete(subject);
    try {
      const id = `notice_${digestOf(kind, subject, once)}`;
      const isForOwners = this.#hearersOf(notice) !== "operator";
      await store.addMessage({ id, kind, payload: JSON.stringify(data), nowMs: atMs, isForOwners });
      return true;
    } catch (error) {
      log.error({ kind, fault: describeFault(error) }, "notice not written");
      if (before === undefined) this.#told.delete(subject);
      else this.#told.set(subject, before);
      if (this.#waiting.get(subject) === undefined) this.#waiting.set(subject, waiting);
      return false;
    }
  }
}
