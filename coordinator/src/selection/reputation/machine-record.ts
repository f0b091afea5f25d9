import { REPUTATION_REASONS, type Reputation, type ReputationReason } from "@hearth/protocol";
import type { PerReason, ReputationSettings } from "./settings.js";

/** What counts against a machine for one reason, as of its last change. */
export interface Mark {
  /** Number of occurrences since it last counted for nothing. */
  readonly count: number;
  readonly ms: number;
  /** The last change, ms on the coordinator's clock. */
  readonly at: number;
}

/** Below this a mark counts for nothing and is forgotten, ms. */
const NOTHING_MS = 1;

/** The settings of each reason. */
const NUMBER_OF: Readonly<Record<ReputationReason, keyof PerReason>> = {
  false_receipt: "falseReceipt",
  false_usage: "falseUsage",
  failed_after_content: "failedAfterContent",
  false_capability: "falseCapability",
  failed_before_content: "failedBeforeContent",
  late: "late",
  connection_lost: "connectionLost",
  lost_race: "lostRace",
};

/**
 * What counts against one machine. Each event adds its weight, each good answer takes a share off the whole, and time
 * removes the rest. So the total follows the share of answers that went wrong rather than their number: five in five
 * thousand heal long before the next one, five in ten do not.
 */
export class MachineRecord {
  readonly #marks = new Map<ReputationReason, Mark>();

  /** Nothing is remembered. A cheap check before `ms`, made at every choice. */
  get isClean(): boolean {
    return this.#marks.size === 0;
  }

  /** Its present weight in the score, ms: from 0 to the maximum of the settings. */
  ms(now: number, settings: ReputationSettings): number {
    let sum = 0;
    for (const [reason, mark] of this.#marks) sum += left(mark, reason, now, settings);
    return Math.min(sum, settings.mostMs);
  }

  /** @returns what was added, ms: less than the weight where that would exceed the maximum */
  add(reason: ReputationReason, now: number, settings: ReputationSettings): number {
    const mark = this.#marks.get(reason);
    const before = mark === undefined ? 0 : left(mark, reason, now, settings);
    const ms = Math.max(before, Math.min(settings.mostMs, before + settings.weightMs[NUMBER_OF[reason]]));
    this.#set(reason, { count: (before === 0 ? 0 : (mark?.count ?? 0)) + 1, ms, at: now });
    return ms - before;
  }

  /** The machine has answered well. */
  heal(now: number, settings: ReputationSettings): void {
    for (const [reason, mark] of this.#marks) {
      this.#set(reason, { ...mark, ms: left(mark, reason, now, settings) * (1 - settings.healing), at: now });
    }
  }

  /** Removes what one `add` has added: it was not the machine's fault. */
  takeBack(reason: ReputationReason, addedMs: number, now: number, settings: ReputationSettings): void {
    const mark = this.#marks.get(reason);
    if (mark === undefined) return;
    const ms = mark.count === 1 ? 0 : left(mark, reason, now, settings) - addedMs;
    this.#set(reason, { count: mark.count - 1, ms, at: now });
  }

  /** The form in which the owner is told. Marks of less than half a millisecond are left out. */
  told(now: number, settings: ReputationSettings): Reputation {
    const reasons: Reputation["reasons"] = {};
    for (const reason of REPUTATION_REASONS) {
      const mark = this.#marks.get(reason);
      const ms = mark === undefined ? 0 : Math.round(left(mark, reason, now, settings));
      if (mark !== undefined && ms > 0) reasons[reason] = { count: mark.count, ms };
    }
    const { mostMs } = settings;
    const score = mostMs === 0 ? 100 : Math.round(100 * (1 - this.ms(now, settings) / mostMs));
    return { score, reasons };
  }

  /** The marks that still count, to be stored. */
  marks(now: number, settings: ReputationSettings): readonly (readonly [ReputationReason, Mark])[] {
    return [...this.#marks].filter(([reason, mark]) => left(mark, reason, now, settings) > 0);
  }

  /** Takes back a stored mark, at no more than the present settings allow: of two for one reason what weighs more now. */
  restore(reason: ReputationReason, mark: Mark, now: number, settings: ReputationSettings): void {
    const restored = { ...mark, ms: Math.min(mark.ms, settings.mostMs) };
    const known = this.#marks.get(reason);
    const isLess = known !== undefined && left(restored, reason, now, settings) <= left(known, reason, now, settings);
    if (!isLess) this.#set(reason, restored);
  }

  #set(reason: ReputationReason, mark: Mark): void {
    if (mark.ms < NOTHING_MS) this.#marks.delete(reason);
    else this.#marks.set(reason, mark);
  }
}

function left({ ms, at }: Mark, reason: ReputationReason, now: number, { halfLifeMs }: ReputationSettings): number {
  const leftMs = ms * 0.5 ** (Math.max(0, now - at) / halfLifeMs[NUMBER_OF[reason]]);
  return leftMs < NOTHING_MS ? 0 : leftMs;
}
