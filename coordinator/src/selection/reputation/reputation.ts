import { BoundedMap, type Clock } from "@hearth/platform";
import type { ProviderId, ReputationReason, Reputation as Standing } from "@hearth/protocol";
import type { Provider } from "../../fleet/provider.js";
import { type BreakerSettings, DEFAULT_BREAKER } from "../breaker-settings.js";
import type { Verdict } from "../pick-result.js";
import { SharedLosses } from "../shared-losses.js";
import { type Traits, wantsTools, wantsVision } from "../traits.js";
import { MachineRecord } from "./machine-record.js";
import { DEFAULT_REPUTATION, type ReputationSettings } from "./settings.js";

export interface ReputationDeps {
  readonly clock: Clock;
  /** Read at each use. Default: `DEFAULT_REPUTATION`. */
  readonly settings?: () => ReputationSettings;
  /** Tells what counts as an outage of our own network. Default: `DEFAULT_BREAKER`. */
  readonly breaker?: () => BreakerSettings;
}

/** One mark of a machine in the form that survives a restart. */
export interface KeptMark {
  readonly provider: ProviderId;
  readonly reason: ReputationReason;
  readonly count: number;
  /** Its weight at its last change. */
  readonly ms: number;
  readonly ageMs: number;
}

/** How a request ended at a machine. */
export interface Judged {
  readonly provider: Pick<Provider, "id" | "models">;
  readonly traits: Traits;
  readonly verdict: Verdict;
}

/**
 * What is held against each machine by its record. It covers all models of a machine and goes by its stable id, so that
 * reconnecting, another program or another name for a model do not clear it, and the owner sees one number.
 *
 * Of three memories this is the longest, and each event counts once in each. The censored samples of the estimate say
 * how long a machine takes, and fade in a minute. The breaker excludes a machine after faults, for ten minutes at most.
 * The reputation says which of the machines that may serve is the better choice, and fades in minutes to hours; it never
 * excludes any. It uses the breaker's verdicts, so that nothing counts here which is no fault there. Two things differ:
 * an unconfirmed failure before any content does not count at all, and a lost connection counts by itself, without the
 * attempts that it carried.
 */
export class Reputation {
  readonly #clock: Clock;
  readonly #settings: () => ReputationSettings;
  readonly #records: BoundedMap<ProviderId, MachineRecord>;
  readonly #losses: SharedLosses;
  /** The last lost connection of each machine, which our own network may yet turn out to have lost. */
  readonly #lastLoss = new WeakMap<MachineRecord, { readonly at: number; readonly addedMs: number }>();
  #revision = 0;
  #changes = 0;

  constructor({ clock, settings = () => DEFAULT_REPUTATION, breaker = () => DEFAULT_BREAKER }: ReputationDeps) {
    this.#clock = clock;
    this.#settings = settings;
    this.#losses = new SharedLosses(breaker);
    this.#records = new BoundedMap(() => settings().maxMachines);
  }

  /** Changes whenever a machine gets its first mark or loses its record. */
  get revision(): number {
    return this.#revision;
  }

  /** Changes whenever there is something new to store; the passing of time alone is not counted. */
  get changes(): number {
    return this.#changes;
  }

  /** What is to survive a restart. @param machines at most this many, those that were blamed last */
  marks(machines: number): readonly KeptMark[] {
    const now = this.#clock.now();
    return [...this.#records.entries()]
      .slice(-machines)
      .flatMap(([provider, record]) =>
        record
          .marks(now, this.#settings())
          .map(([reason, { count, ms, at }]) => ({ provider, reason, count, ms, ageMs: now - at })),
      );
  }

  /** Takes back marks that were stored, those that were made last at the end. */
  restore(marks: readonly KeptMark[]): void {
    const now = this.#clock.now();
    for (const { provider, reason, count, ms, ageMs } of marks) {
      const record = this.recordOf(provider) ?? new MachineRecord();
      this.#keep(provider, record);
      record.restore(reason, { count, ms, at: now - ageMs }, now, this.#settings());
    }
  }

  /** @returns `undefined` if nothing was ever held against it, or all is forgotten */
  recordOf(id: ProviderId): MachineRecord | undefined {
    return this.#records.get(id);
  }

  /** The weight of a machine's record in the score, ms. */
  ms(record: MachineRecord | undefined, now: number): number {
    return record === undefined || record.isClean ? 0 : record.ms(now, this.#settings());
  }

  /** A machine's standing in the form in which its owner is told. */
  standing(id: ProviderId): Standing {
    const record = this.recordOf(id);
    return record === undefined ? CLEAN : record.told(this.#clock.now(), this.#settings());
  }

  /** Holds something against a machine. @returns what was added, ms */
  add(id: ProviderId, reason: ReputationReason): number {
    const record = this.recordOf(id) ?? new MachineRecord();
    this.#keep(id, record);
    this.#changes += 1;
    return record.add(reason, this.#clock.now(), this.#settings());
  }

  /** Takes account of how a request ended at a machine. */
  judged(judged: Judged): void {
    const { provider, traits, verdict } = judged;
    if (verdict === "success") return this.#answered(provider.id, traits);
    if (verdict === "refused_alone" && !isPromised(judged)) return;
    const reason = reasonOf(verdict);
    if (reason !== undefined) this.add(provider.id, reason);
  }

  /**
   * A machine's connection was lost. As with the breaker, losses of most of the fleet at once count against no machine.
   *
   * @param connected machines that were connected just before
   */
  connectionLost(id: ProviderId, at: number, connected: number): void {
    for (const each of this.#losses.lost(id, at, connected)) this.#takeBackLoss(each);
    if (this.#losses.covers(at)) return;
    const addedMs = this.add(id, "connection_lost");
    const record = this.recordOf(id);
    if (record !== undefined) this.#lastLoss.set(record, { at, addedMs });
  }

  #takeBackLoss(id: ProviderId): void {
    const record = this.recordOf(id);
    const loss = record && this.#lastLoss.get(record);
    if (record === undefined || loss === undefined || !this.#losses.covers(loss.at)) return;
    this.#lastLoss.delete(record);
    this.#changes += 1;
    record.takeBack("connection_lost", loss.addedMs, this.#clock.now(), this.#settings());
  }

  /** Answers to requests that only this machine could serve heal nothing: its owner could send as many as he likes. */
  #answered(id: ProviderId, { route, allowlist }: Traits): void {
    if (route === "self" || allowlist !== undefined) return;
    const record = this.recordOf(id);
    if (record === undefined || record.isClean) return;
    this.#changes += 1;
    record.heal(this.#clock.now(), this.#settings());
  }

  #keep(id: ProviderId, record: MachineRecord): void {
    if (this.recordOf(id) !== record) this.#revision += 1;
    this.#records.set(id, record);
  }
}

/** Whether the request needs an ability, beyond plain answers, that the machine advertises for its model. */
function isPromised({ provider, traits }: Judged): boolean {
  const able = provider.models.get(traits.model)?.capabilities;
  return (
    (wantsTools(traits.shape) && able?.tools === true) ||
    (wantsVision(traits.shape) && able?.vision === true) ||
    (traits.structuredOutput === true && able?.structured_output === true) ||
    (traits.logprobs === true && able?.logprobs === true)
  );
}

const CLEAN: Standing = { score: 100, reasons: {} };

function reasonOf(verdict: Exclude<Verdict, "success">): ReputationReason | undefined {
  switch (verdict) {
    case "neutral":
      return undefined;
    case "late":
      return "late";
    case "refused_alone":
      return "false_capability";
    case "false_receipt":
      return "false_receipt";
    // The consumer was told that it was complete, and got no usable answer.
    case "retraction":
      return "failed_after_content";
    default:
      if (verdict.connectionLost) return undefined;
      if (verdict.afterContent === true) return "failed_after_content";
      return verdict.confirmed ? "failed_before_content" : undefined;
  }
}
