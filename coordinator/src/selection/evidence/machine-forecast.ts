import type { Forecast } from "../expecting.js";
import type { Subject } from "../subject.js";
import type { MachineEvidence } from "./machine-evidence.js";
import type { EvidenceSettings } from "./settings.js";
import { NOTHING_MEASURED, prefillTps, waitTerms, warmthOf } from "./terms.js";

interface ForecastDeps {
  readonly settings: () => EvidenceSettings;
  /** What is held against the machine by its record, ms. */
  readonly reputationMs: (now: number) => number;
}

/**
 * The expectations of one machine with one model. The part of `terms.ts` that is the same for every request is computed
 * once, and again when something was learnt.
 */
export class MachineForecast implements Forecast {
  readonly #subject: Subject;
  readonly #machine: MachineEvidence | undefined;
  readonly #settings: () => EvidenceSettings;
  readonly reputationMs: (now: number) => number;
  #settled: EvidenceSettings | undefined;
  #version = 0;
  /** Expected time before the prompt is read, ms. */
  #beforeMs = 0;
  #prefillTps = 0;
  #isAssumed = true;

  /** @param machine its evidence; `undefined` = none yet */
  constructor(subject: Subject, machine: MachineEvidence | undefined, { settings, reputationMs }: ForecastDeps) {
    this.#subject = subject;
    this.#machine = machine;
    this.#settings = settings;
    this.reputationMs = reputationMs;
  }

  waitMs(promptTokens: number): number {
    this.#settle();
    return this.#beforeMs + (promptTokens * 1_000) / this.#prefillTps;
  }

  censoredMs(promptTokens: number, now: number): number {
    if (this.#machine === undefined || this.#machine.isQuiet) return 0;
    return this.#machine.censoredMs(promptTokens, now, this.#settings());
  }

  get isAssumed(): boolean {
    this.#settle();
    return this.#isAssumed;
  }

  #settle(): void {
    const settings = this.#settings();
    const version = this.#machine === undefined ? 0 : this.#machine.version;
    if (settings === this.#settled && version === this.#version) return;
    this.#settled = settings;
    this.#version = version;
    const { provider, model, slot, tokensAhead, load: beside } = this.#subject;
    const measured = this.#machine?.speed ?? NOTHING_MEASURED;
    const meeting = { provider, model, slot, promptTokens: 0, tokensAhead, beside };
    const { connect, load, ahead } = waitTerms(meeting, measured, settings);
    this.#beforeMs = connect + load + ahead;
    this.#prefillTps = prefillTps(meeting, measured, settings);
    this.#isAssumed = !this.#machine?.speed.tellsOf(warmthOf(slot));
  }
}
