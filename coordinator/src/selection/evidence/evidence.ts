import { BoundedMap, type Clock } from "@hearth/platform";
import type { Usage } from "@hearth/protocol";
import type { Provider } from "../../fleet/provider.js";
import type { Expecting, Forecast } from "../expecting.js";
import { Reputation } from "../reputation/reputation.js";
import type { Subject } from "../subject.js";
import type { Traits } from "../traits.js";
import { MachineEvidence } from "./machine-evidence.js";
import { MachineForecast } from "./machine-forecast.js";
import type { SentAttempt } from "./measured-speed.js";
import { ModelEvidence } from "./model-evidence.js";
import { PairMap } from "./pair-map.js";
import { DEFAULT_EVIDENCE, type EvidenceSettings } from "./settings.js";
import { type Meeting, NOTHING_MEASURED, sumOf, waitTerms, warmthOf } from "./terms.js";

/** More than the revisions of pairs ever come to, so that one number can hold both kinds of revision. */
const REVISIONS_OF_PAIRS = 2 ** 26;

/** Follows one attempt. Only `ended` has to be called. */
export interface Observation {
  /** The first content came, or the first report that a whole answer is being written. To be called once. */
  content(): void;
  /**
   * It is over; what comes later is ignored.
   *
   * @param how `given_up`: cancelled, because it was late or the consumer went away; `lost_race`: another was faster
   * @param usage as it was counted in the end
   */
  ended(how: ObservedEnd, usage?: Usage): void;
}

export type ObservedEnd = "completed" | "failed" | "given_up" | "lost_race";

/**
 * Predicts how long each machine takes to the first content of a request, from what was measured there. The terms are
 * those of `terms.ts`; measured values replace assumed ones as they come. A changed program on a machine starts afresh.
 */
export class Evidence implements Expecting {
  readonly #clock: Clock;
  readonly #settings: () => EvidenceSettings;
  readonly #machines = new PairMap<MachineEvidence>();
  readonly #models: BoundedMap<string, ModelEvidence>;

  readonly #reputation: Reputation;

  /**
   * @param settings read at each use
   * @param reputation told of lost races, and asked what is held against each machine
   */
  constructor(
    clock: Clock,
    settings: () => EvidenceSettings = () => DEFAULT_EVIDENCE,
    reputation: Reputation = new Reputation({ clock }),
  ) {
    this.#clock = clock;
    this.#settings = settings;
    this.#reputation = reputation;
    this.#models = new BoundedMap(() => settings().maxModels);
  }

  /** Machine × model pairs of which something is known. */
  get pairs(): number {
    return this.#machines.size;
  }

  expect(
    provider: Provider,
    { model, promptTokens }: Pick<Traits, "model" | "promptTokens">,
  ): ReturnType<Expecting["expect"]> {
    const settings = this.#settings();
    const machine = this.#machine(provider, model);
    const slot = provider.slots.get(model);
    const beside = provider.load(model);
    const tokensAhead = provider.tokensAhead(model);
    const measured = machine?.speed ?? NOTHING_MEASURED;
    const wait = waitTerms({ provider, model, slot, promptTokens, tokensAhead, beside }, measured, settings);
    const censored = machine?.censoredMs(promptTokens, this.#clock.now(), settings) ?? 0;
    const expectedMs = sumOf(wait) + censored;
    const spread = machine?.speed.spread(settings) ?? settings.spread.before;
    return {
      expectedMs,
      // Waits in vain are facts, so the margin of error is not applied to them.
      estimateMs: Math.max(settings.leastMs, (expectedMs - censored) * spread + censored),
      byDefault: censored === 0 && !machine?.speed.tellsOf(warmthOf(slot)),
      terms: { connect: wait.connect, load: wait.load, ahead: wait.ahead, prefill: wait.prefill, censored },
    };
  }

  forecast(subject: Subject): Forecast {
    const { provider, model } = subject;
    const record = this.#reputation.recordOf(provider.id);
    const reputationMs = (now: number): number => this.#reputation.ms(record, now);
    return new MachineForecast(subject, this.#machine(provider, model), { settings: this.#settings, reputationMs });
  }

  revision(model: string): number {
    return this.#machines.revision(model) + this.#reputation.revision * REVISIONS_OF_PAIRS;
  }

  expectedAnswerTokens(model: string, bound: number | undefined): number {
    const settings = this.#settings();
    const tokens = this.#models.get(model)?.answerTokens(settings) ?? settings.assumedAnswerTokens;
    return Math.min(tokens, bound ?? Number.POSITIVE_INFINITY);
  }

  reputationMs({ id }: Provider): number {
    return this.#reputation.ms(this.#reputation.recordOf(id), this.#clock.now());
  }

  /** When somebody last answered with this build, ms; `undefined` = not in memory. */
  lastSuccessAt(model: string): number | undefined {
    return this.#models.get(model)?.lastSuccessAt;
  }

  /** An attempt is being sent there. Its own slot is leased already, and is not counted as other work. */
  observe(provider: Provider, traits: Traits): Observation {
    const settings = this.#settings();
    const { model } = traits;
    const machine = this.#machine(provider, model) ?? new MachineEvidence(provider, model);
    const ownTokens = traits.promptTokens + this.expectedAnswerTokens(model, traits.maxTokens);
    const meeting = meetingOf(provider, traits, Math.min(ownTokens, settings.ownPlaceTokens));
    const terms = waitTerms(meeting, machine.speed, settings);
    const sent: SentAttempt = {
      at: this.#clock.now(),
      provider,
      model,
      promptTokens: traits.promptTokens,
      continued: traits.conversation?.continued === true,
      warmth: warmthOf(meeting.slot),
      alone: !machine.isAwaited,
      terms,
      expectedMs: sumOf(terms),
    };
    machine.sent(sent);
    this.#machines.set(machine, settings.maxPairs);
    return this.#follow(machine, sent);
  }

  #follow(machine: MachineEvidence, sent: SentAttempt): Observation {
    let state: { type: "waiting" } | { type: "content"; at: number } | { type: "over" } = { type: "waiting" };
    return {
      content: () => {
        if (state.type !== "waiting") return;
        state = { type: "content", at: this.#clock.now() };
        machine.content(sent, state.at, this.#settings());
      },
      ended: (how, usage) => {
        if (state.type === "over") return;
        const contentAt = state.type === "content" ? state.at : undefined;
        state = { type: "over" };
        if (how === "completed") this.#completed(machine, sent, contentAt, usage);
        else if (contentAt === undefined) {
          const tookLonger = machine.endedInVain(sent, this.#clock.now(), this.#settings());
          if (tookLonger && how === "lost_race") this.#reputation.add(sent.provider.id, "lost_race");
        }
      },
    };
  }

  #completed(
    machine: MachineEvidence,
    sent: SentAttempt,
    contentAt: number | undefined,
    usage: Usage | undefined,
  ): void {
    machine.completed(sent, contentAt, usage, this.#settings());
    const model = this.#models.get(sent.model) ?? new ModelEvidence();
    this.#models.set(sent.model, model);
    model.answered(this.#clock.now(), usage?.completion_tokens);
  }

  /** The evidence for the program that serves the model there now. */
  #machine(provider: Provider, model: string): MachineEvidence | undefined {
    const machine = this.#machines.get(provider.id, model);
    return machine?.isOutdated(provider) ? undefined : machine;
  }
}

/** The machine's load as a request meets it: without the request's own slot and tokens. */
function meetingOf(provider: Provider, { model, promptTokens }: Traits, ownTokens: number): Meeting {
  const beside = Math.max(0, provider.load(model) - 1);
  const tokensAhead = beside === 0 ? 0 : Math.max(0, provider.tokensAhead(model) - ownTokens);
  return { provider, model, slot: provider.slots.get(model), promptTokens, tokensAhead, beside };
}
