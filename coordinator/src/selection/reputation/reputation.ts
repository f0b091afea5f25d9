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
  /** What an outage of our own network is. Default: `DEFAULT_BREAKER`. */
  readonly breaker?: () => BreakerSettings;
}

/** One mark of a machine, as it is kept over a restart. */
export interface KeptMark {
  readonly provider: ProviderId;
  readonly reason: ReputationReason;
  readonly count: number;
  /** As it was when it was last touched, so long before. */
  readonly ms: number;
  readonly ageMs: number;
}

/** A request's end at a machine: who was to be asked, and how it went. */
export interface Judged {
  readonly provider: Pick<Provider, "id" | "models">;
  readonly traits: Traits;
  readonly verdict: Verdict;
}

/**
 * What is held against each machine by its record, over all of its models and by its stable id: reconnecting, another
 * program or another name for a model launder nothing, and its owner sees one number.
 *
 * It is the long memory among three, and each thing counts in each of them once. The estimate's censored samples say how
 * long a machine takes, and fade in a minute; the breaker keeps a machine out after faults, for ten minutes at most;
 * this says which of those that may serve is the better choice, and fades in minutes to hours. It never shuts anybody
 * out. It goes by the verdicts that the breaker goes by, so what is nobody's fault there is nobody's here; but what only
 * the breaker may doubt, an unconfirmed failure before any content, does not count at all. A lost connection counts as
 * itself, and the attempts that it carried do not count beside.
 */
export class Reputation {
  readonly #clock: Clock;
  readonly #settings: () => ReputationSettings;
  readonly #records: BoundedMap<ProviderId, MachineRecord>;
  readonly #losses: SharedLosses;
  /** The last loss of each machine: it may yet turn out to be our own network's. */
  readonly #lastLoss = new WeakMap<MachineRecord, { readonly at: number; readonly addedMs: number }>();
  #revision = 0;
  #changes = 0;

  constructor({ clock, settings = () => DEFAULT_REPUTATION, breaker = () => DEFAULT_BREAKER }: ReputationDeps) {
    this.#clock = clock;
    this.#settings = settings;
    this.#losses = new SharedLosses(breaker);
    this.#records = new BoundedMap(() => settings().maxMachines);
  }

  /** Another number whenever a machine begins or ceases to have a record. */
  get revision(): number {
    return this.#revision;
  }

  /** Another number whenever there is something else to keep, but for what time alone does. */
  get changes(): number {
    return this.#changes;
  }

  /** What is to be kept over a restart: of so many machines at most, the last to be blamed. */
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

  /** What was kept before this start, in the order in which it was given out. */
  restore(marks: readonly KeptMark[]): void {
    for (const { provider, reason, count, ms, ageMs } of marks) {
      const record = this.recordOf(provider) ?? new MachineRecord();
      this.#keep(provider, record);
      record.restore(reason, { count, ms, at: this.#clock.now() - ageMs }, this.#settings());
    }
  }

  /** `undefined` = nothing has ever been held against it, or it is forgotten. */
  recordOf(id: ProviderId): MachineRecord | undefined {
    return this.#records.get(id);
  }

  /** What a machine's record comes to in the score, ms. */
  ms(record: MachineRecord | undefined, now: number): number {
    return record === undefined || record.isClean ? 0 : record.ms(now, this.#settings());
  }

  /** How a machine stands, as its owner is told. */
  standing(id: ProviderId): Standing {
    const record = this.recordOf(id);
    return record === undefined ? CLEAN : record.told(this.#clock.now(), this.#settings());
  }

  /** Something is to be held against a machine. @returns what it added, ms */
  add(id: ProviderId, reason: ReputationReason): number {
    const record = this.recordOf(id) ?? new MachineRecord();
    this.#keep(id, record);
    this.#changes += 1;
    return record.add(reason, this.#clock.now(), this.#settings());
  }

  /** Takes up how a request went at a machine. */
  judged(judged: Judged): void {
    const { provider, traits, verdict } = judged;
    if (verdict === "success") return this.#answered(provider.id, traits);
    if (verdict === "refused_alone" && !isPromised(judged)) return;
    const reason = reasonOf(verdict);
    if (reason !== undefined) this.add(provider.id, reason);
  }

  /**
   * A machine's connection was lost, as for the breaker: those that most of the fleet loses at once count for nobody.
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

  /** What was for this machine alone says nothing of how it serves others: its owner may ask it as often as he likes. */
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

/** Whether the request needs something that the machine says its model can do, beside writing an answer. */
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
    // It was complete for its consumer, and no answer.
    case "retraction":
      return "failed_after_content";
    default:
      if (verdict.connectionLost) return undefined;
      if (verdict.afterContent === true) return "failed_after_content";
      return verdict.confirmed ? "failed_before_content" : undefined;
  }
}
