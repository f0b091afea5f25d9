import type { WorkingScope, WorkingSign } from "@hearth/protocol";
import { DEFAULT_POLICY, policyFor } from "../dispatch/policy.js";
import { step } from "../dispatch/step.js";
import type {
  AttemptEvent,
  AttemptFailure,
  AttemptIndex,
  AttemptRole,
  Chunk,
  DispatchEffect,
  DispatchInput,
  DispatchPolicy,
  DispatchResult,
  DispatchState,
  FailureCode,
  StartedClocks,
  TimerName,
} from "../dispatch/types.js";
import { HearthError } from "../platform/errors.js";

/** A backup after 4 s, 600 s of patience. */
export const POLICY: DispatchPolicy = policyFor(DEFAULT_POLICY, { arrivedAt: 0, hedgeDelayMs: 4_000 });
export const USAGE = { prompt_tokens: 1, completion_tokens: 1 };

export const chunk = (name: string, size = 10): Chunk => ({
  dialect: "chat_completions",
  bytes: new Uint8Array(size),
  parsed: name,
});
export const preamble = (name = "role", size = 10): AttemptEvent => ({ type: "preamble", chunk: chunk(name, size) });
export const content = (...names: string[]): AttemptEvent => ({
  type: "content",
  chunks: names.map((name) => chunk(name)),
});
export const sign = (what: WorkingSign, counter = 1, scope: WorkingScope = "request"): AttemptEvent => ({
  type: "working",
  sign: what,
  counter,
  scope,
});
export const LOADING: AttemptEvent = sign("loading");
export const END: AttemptEvent = { type: "end", usage: USAGE };
export const failure = (code: FailureCode = "backend_error", retryable = true): AttemptFailure => ({
  code,
  progress: "processed",
  retryable,
  faulty: retryable,
  status: 502,
});
export const failed = (code?: FailureCode, retryable?: boolean): AttemptEvent => ({
  type: "failed",
  failure: failure(code, retryable),
});
/** A 4xx: another provider may take what this one did not. */
export const rejected = (status: number): AttemptEvent => ({
  type: "failed",
  failure: { code: "rejected", progress: "refused", retryable: true, faulty: false, status },
});

/** A machine that has begun, with what it asked for and when its timers are due. */
export class Machine {
  state: DispatchState = { phase: "idle" };
  now = 0;
  policy: DispatchPolicy;
  readonly effects: DispatchEffect[] = [];
  readonly timers: Map<TimerName, number> = new Map();
  /** Hears of every step as it is made. */
  watch: ((input: DispatchInput, effects: readonly DispatchEffect[]) => void) | undefined;
  readonly #refused = new Set<AttemptRole>();

  constructor(policy: DispatchPolicy = POLICY) {
    this.policy = policy;
    this.feed({ type: "begin", now: 0 });
  }

  feed(input: DispatchInput): readonly DispatchEffect[] {
    const [state, effects] = step(this.state, input, this.policy);
    this.state = state;
    this.effects.push(...effects);
    for (const effect of effects) if (effect.type === "arm") this.timers.set(effect.timer, effect.at);
    this.watch?.(input, effects);
    return effects;
  }

  event(attempt: AttemptIndex, event: AttemptEvent): readonly DispatchEffect[] {
    return this.feed({ type: "event", attempt, event, now: this.now });
  }

  started(attempt: AttemptIndex, clocks: Partial<StartedClocks> = {}): readonly DispatchEffect[] {
    return this.feed({ type: "started", attempt, now: this.now, estimateMs: 10_000, hedgeAtOnce: false, ...clocks });
  }

  unavailable(attempt: AttemptIndex): readonly DispatchEffect[] {
    return this.feed({ type: "unavailable", attempt, error: new HearthError("no_provider", "Nobody."), now: this.now });
  }

  /** From here on nobody takes an attempt of this role. */
  refuse(role: AttemptRole): void {
    this.#refused.add(role);
  }

  abort(): readonly DispatchEffect[] {
    return this.feed({ type: "abort", reason: "consumer_gone", now: this.now });
  }

  /** Lets time pass, firing what falls due. */
  wait(ms: number): readonly DispatchEffect[] {
    const until = this.now + ms;
    const effects: DispatchEffect[] = [];
    for (;;) {
      const due = [...this.timers].filter(([, at]) => at <= until).sort((a, b) => a[1] - b[1])[0];
      if (due === undefined) break;
      const [timer, at] = due;
      this.timers.delete(timer);
      this.now = Math.max(this.now, at);
      const fired = this.feed({ type: "timer", timer, now: this.now });
      effects.push(...fired);
      for (const { attempt, terms } of of("open", fired)) {
        if (this.#refused.has(terms.role)) effects.push(...this.unavailable(attempt));
      }
    }
    this.now = until;
    return effects;
  }

  /** The end, if there is one. */
  get result(): DispatchResult | undefined {
    return of("finish", this.effects)[0]?.result;
  }
}

/** A machine whose first attempt has its provider, and is expected to need 10 s. */
export function running(policy?: DispatchPolicy, clocks?: Partial<StartedClocks>): Machine {
  const machine = new Machine(policy);
  machine.started(0, clocks);
  return machine;
}

/** The effects of one type. */
export function of<T extends DispatchEffect["type"]>(
  type: T,
  effects: readonly DispatchEffect[],
): Extract<DispatchEffect, { type: T }>[] {
  return effects.filter((effect): effect is Extract<DispatchEffect, { type: T }> => effect.type === type);
}

/** What has reached the consumer. */
export const emitted = (machine: Machine): unknown[] =>
  of("emit", machine.effects).flatMap(({ chunks }) => chunks.map((each) => each.parsed));
