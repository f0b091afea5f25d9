import type { ProviderId, Usage } from "@hearth/protocol";
import type { Provider } from "../../fleet/provider.js";
import { CensoredTime, scaledTo } from "./censored-time.js";
import { MeasuredSpeed, type SentAttempt } from "./measured-speed.js";
import type { Pair } from "./pair-map.js";
import type { EvidenceSettings } from "./settings.js";

/** The program that serves a model on a machine. Absent = not told. */
interface Program {
  readonly agentVersion: string;
  readonly backend: string | undefined;
  readonly backendVersion: string | undefined;
  readonly weights: string | undefined;
}

/** The evidence of one machine with one model and one program. */
export class MachineEvidence implements Pair {
  readonly provider: ProviderId;
  readonly model: string;
  readonly speed: MeasuredSpeed = new MeasuredSpeed();
  #program: Program;
  readonly #censored = new CensoredTime();
  /** Attempts that still wait, sent since content last came. */
  readonly #waiting = new Set<SentAttempt>();
  #version = 0;
  #isQuiet = true;

  constructor(provider: Provider, model: string) {
    this.provider = provider.id;
    this.model = model;
    this.#program = programOf(provider, model);
  }

  /** The evidence is of another program than serves now. A value that either side does not tell counts as the same. */
  isOutdated(provider: Provider): boolean {
    const { agentVersion, backend, backendVersion, weights } = this.#program;
    const model = provider.models.get(this.model);
    return (
      provider.agentVersion !== agentVersion ||
      differ(model?.backend?.kind, backend) ||
      differ(model?.backend?.version, backendVersion) ||
      differ(model?.weights_hash, weights)
    );
  }

  /** Changes whenever something was learnt. */
  get version(): number {
    return this.#version;
  }

  /** No attempt waits in vain or has lately. A cheap check before `censoredMs`, made at every choice. */
  get isQuiet(): boolean {
    return this.#isQuiet;
  }

  /** Whether an attempt waits there for its first content. */
  get isAwaited(): boolean {
    return this.#waiting.size > 0;
  }

  /** The longest wait in vain, of attempts that gave up and of those that still wait, ms. */
  censoredMs(promptTokens: number, now: number, settings: EvidenceSettings): number {
    let most = this.#censored.msFor(promptTokens, now, settings);
    for (const sent of this.#waiting) {
      const excessMs = now - sent.at - sent.expectedMs;
      if (excessMs <= 0) continue;
      most = Math.max(most, scaledTo(promptTokens, { excessMs, promptTokens: sent.promptTokens }, settings));
    }
    return most;
  }

  sent(attempt: SentAttempt): void {
    const { agentVersion, backend, backendVersion, weights } = programOf(attempt.provider, this.model);
    this.#program = {
      agentVersion,
      backend: backend ?? this.#program.backend,
      backendVersion: backendVersion ?? this.#program.backendVersion,
      weights: weights ?? this.#program.weights,
    };
    this.#waiting.add(attempt);
    this.#learnt();
  }

  /** The first content of an attempt came, so earlier waits were not in vain. */
  content(attempt: SentAttempt, now: number, settings: EvidenceSettings): void {
    this.#censored.clear();
    this.#waiting.clear();
    this.speed.content(attempt, now - attempt.at, settings);
    this.#learnt();
  }

  /** An answer is complete. @param contentAt when its first content came; `undefined` = it had none */
  completed(
    attempt: SentAttempt,
    contentAt: number | undefined,
    usage: Usage | undefined,
    settings: EvidenceSettings,
  ): void {
    this.#waiting.delete(attempt);
    if (contentAt !== undefined) this.speed.completed(attempt, contentAt - attempt.at, usage, settings);
    this.#learnt();
  }

  /**
   * An attempt ended without content. The time that it waited beyond what was expected counts.
   *
   * @returns whether it did
   */
  endedInVain(attempt: SentAttempt, now: number, settings: EvidenceSettings): boolean {
    this.#waiting.delete(attempt);
    const excessMs = now - attempt.at - attempt.expectedMs;
    if (excessMs > 0) {
      this.#censored.add({ excessMs, promptTokens: attempt.promptTokens, at: now }, settings);
    }
    this.#learnt();
    return excessMs > 0;
  }

  #learnt(): void {
    this.#version += 1;
    this.#isQuiet = this.#waiting.size === 0 && this.#censored.isEmpty;
  }
}

function programOf(provider: Provider, model: string): Program {
  const advert = provider.models.get(model);
  const { agentVersion } = provider;
  return {
    agentVersion,
    backend: advert?.backend?.kind,
    backendVersion: advert?.backend?.version,
    weights: advert?.weights_hash,
  };
}

const differ = (a: string | undefined, b: string | undefined): boolean => a !== undefined && b !== undefined && a !== b;
