import { REPUTATION_REASONS, type Reputation, type ReputationReason } from "@hearth/protocol";
import type { PerReason, ReputationSettings } from "./settings.js";

/** What counts against a machine for one reason, as it was when it was last touched. */
export interface Mark {
  /** How often it was seen since it last counted for nothing. */
  readonly count: number;
  readonly ms: number;
  /** On the coordinator's clock, ms. */
  readonly at: number;
}

/** Under this it counts for nothing, and is forgotten, ms. */
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
 * What one machine has done that counts against it. Each thing adds its weight, each good answer takes a share of all
 * off, and time the rest. So what it comes to follows the share of the answers that went wrong and not their number:
 * five in five thousand heal long before the next one, five in ten do not.
 */
export class MachineRecord {
  readonly #marks = new Map<ReputationReason, Mark>();

  /** Nothing is remembered: asked at each choice, before what it would come to. */
  get isClean(): boolean {
    return this.#marks.size === 0;
  }

  /** What it comes to now in the score: at least 0, and no more than the most. */
  ms(now: number, settings: ReputationSettings): number {
    let sum = 0;
    for (const [reason, mark] of this.#marks) sum += left(mark, reason, now, settings);
    return Math.min(sum, settings.mostMs);
  }

  /** @returns what it added, ms: less than its weight where that would be over the most */
  add(reason: ReputationReason, now: number, settings: ReputationSettings): number {
    const mark = this.#marks.get(reason);
    const before = mark === undefined ? 0 : left(mark, reason, now, settings);
    const ms = Math.max(before, Math.min(settings.mostMs, before + settings.weightMs[NUMBER_OF[reason]]));
    this.#set(reason, { count: (before === 0 ? 0 : (mark?.count ?? 0)) + 1, ms, at: now });
    return ms - before;
  }

  /** It answered well. */
  heal(now: number, settings: ReputationSettings): void {
    for (const [reason, mark] of this.#marks) {
      this.#set(reason, { ...mark, ms: left(mark, reason, now, settings) * (1 - settings.healing), at: now });
    }
  }

  /** One thing that was added has turned out not to be the machine's. */
  takeBack(reason: ReputationReason, addedMs: number, now: number, settings: ReputationSettings): void {
    const mark = this.#marks.get(reason);
    if (mark === undefined) return;
    const ms = mark.count === 1 ? 0 : left(mark, reason, now, settings) - addedMs;
    this.#set(reason, { count: mark.count - 1, ms, at: now });
  }

  /** As its owner is told it; what counts for less than half a millisecond is left out. */
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

  /** To be written down: what still counts. */
  marks(now: number, settings: ReputationSettings): readonly (readonly [ReputationReason, Mark])[] {
    return [...this.#marks].filter(([reason, mark]) => left(mark, reason, now, settings) > 0);
  }

  /** It was written down before this start. What is more than the settings allow now counts as the most that they do. */
  restore(reason: ReputationReason, mark: Mark, { mostMs }: ReputationSettings): void {
    this.#set(reason, { ...mark, ms: Math.min(mark.ms, mostMs) });
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
