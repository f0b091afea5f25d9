import {
  type Choice,
  type Contender,
  type DispatchEffect,
  type DispatchInput,
  type DispatchPolicy,
  type DispatchState,
  type EvaluationContext,
  NO_ATTEMPTS,
  type PickResult,
  type SentAttempt,
  type StrategyDeps,
} from "@hearth/coordinator/internals";
import type { ThemeName } from "./themes.js";

export type Step = (
  state: DispatchState,
  input: DispatchInput,
  policy: DispatchPolicy,
) => readonly [DispatchState, readonly DispatchEffect[]];

/** A part with a bug in it, made from the real one. */
export interface Mutant<Part> {
  readonly name: string;
  readonly plant: (real: Part) => Part;
  /** The invariants that may find it; absent = any. */
  readonly foundBy?: readonly string[];
  /** What scenarios are to lean towards; absent = as chance has it. */
  readonly theme?: ThemeName;
}

/** Lets the real machine step, then spoils what it decided. */
const spoil =
  (
    change: (
      effects: readonly DispatchEffect[],
      before: DispatchState,
      after: DispatchState,
    ) => readonly DispatchEffect[],
  ) =>
  (real: Step): Step =>
  (state, input, policy) => {
    const [after, effects] = real(state, input, policy);
    return [after, change(effects, state, after)];
  };

/** The bugs that the simulator must find in the machine: each is one that people have written. */
export const STEP_MUTANTS: readonly Mutant<Step>[] = [
  {
    name: "forgets to cancel the losers",
    plant: spoil((effects) => effects.filter((effect) => effect.type !== "cancel" || effect.reason !== "lost_race")),
  },
  {
    name: "lets a preamble out before the commit",
    plant: spoil((effects) =>
      effects.map((effect) => (effect.type === "hold" ? { type: "emit", chunks: [effect.chunk] } : effect)),
    ),
  },
  {
    name: "begins its patience anew with every retry",
    plant: (real) => (state, input, policy) => {
      const [after, effects] = real(state, input, policy);
      const retries = effects.some((effect) => effect.type === "open" && effect.terms.role === "retry");
      if (!retries || after.phase !== "racing") return [after, effects];
      return [{ ...after, patienceAt: input.now + policy.patienceMs }, effects];
    },
  },
  {
    name: "takes a broken stream for a success",
    plant: spoil((effects, before) =>
      effects.map((effect) => {
        if (effect.type !== "finish" || effect.result.type !== "failed" || before.phase !== "committed") return effect;
        const usage = { prompt_tokens: 0, completion_tokens: 0 };
        return { type: "finish", result: { type: "success", attempt: before.winner, usage } };
      }),
    ),
  },
  {
    name: "opens two backups",
    plant: (real) => (state, input, policy) => {
      const [after, effects] = real(state, input, policy);
      const hedge = effects.find((effect) => effect.type === "open" && effect.terms.role === "backup");
      if (hedge?.type !== "open" || after.phase !== "racing" || after.opened >= policy.maxAttempts)
        return [after, effects];
      const last = after.attempts.at(-1);
      if (last === undefined) return [after, effects];
      const index = after.opened;
      const attempts = [...after.attempts, { ...last, index }];
      return [{ ...after, attempts, opened: index + 1 }, [...effects, { ...hedge, attempt: index }]];
    },
  },
  {
    name: "fails over after the commit",
    plant: (real) => (state, input, policy) => {
      const fails = state.phase === "committed" && input.type === "event" && input.event.type === "failed";
      if (!fails || input.attempt !== state.winner) return real(state, input, policy);
      const [again, effects] = real({ phase: "idle" }, { type: "begin", now: input.now }, policy);
      if (again.phase !== "racing") return [again, effects];
      const index = state.winner + 1;
      const attempts = again.attempts.map((each) => ({ ...each, index, role: "retry" as const }));
      const renamed = effects.map((effect) =>
        effect.type === "open"
          ? { ...effect, attempt: index, terms: { ...effect.terms, role: "retry" as const } }
          : effect,
      );
      return [{ ...again, attempts, opened: index + 1 }, renamed];
    },
  },
  {
    name: "never notices a stall behind content",
    plant: spoil((effects) => effects.filter((effect) => effect.type !== "arm" || effect.timer !== "gap")),
  },
  {
    name: "goes on when the consumer has gone",
    plant: (real) => (state, input, policy) => (input.type === "abort" ? [state, []] : real(state, input, policy)),
  },
  {
    name: "looks for nobody else when an estimate has passed",
    theme: "hung",
    foundBy: ["nobody waits beyond an estimate for somebody who is idle"],
    plant: (real) => (state, input, policy) =>
      isDue(input) && state.phase === "racing" ? [state, []] : real(state, input, policy),
  },
  {
    name: "lets go of who is late before anybody has the place",
    theme: "lone",
    foundBy: ["who is late is let go only when another has its place"],
    plant: spoil((effects) =>
      effects.flatMap((effect): DispatchEffect[] =>
        effect.type === "open" && effect.terms.role === "retry" && effect.attempt > 0
          ? [{ type: "cancel", attempt: effect.attempt - 1, reason: "deadline" }, effect]
          : [effect],
      ),
    ),
  },
  {
    name: "keeps who is late beside who has its place",
    theme: "hung",
    foundBy: ["two run at once only for speed's sake"],
    plant: spoil((effects) => effects.filter((effect) => effect.type !== "cancel" || effect.reason !== "deadline")),
  },
  {
    name: "takes lateness for the end",
    theme: "lone",
    foundBy: ["nobody is told of a time-out before the time is over"],
    plant: (real) => (state, input, policy) => {
      const [after, effects] = real(state, input, policy);
      const seeks = effects.some((effect) => effect.type === "open" && effect.terms.role === "retry");
      if (!isDue(input) || !seeks || state.phase !== "racing") return [after, effects];
      const failure = { code: "timeout", progress: "processed", retryable: true, faulty: true, status: 504 } as const;
      const cancels = state.attempts.map(
        ({ index }) => ({ type: "cancel", attempt: index, reason: "superseded" }) as const,
      );
      return [
        { phase: "closed" },
        [...cancels, { type: "finish", result: { type: "failed", committed: false, failure } }],
      ];
    },
  },
  {
    name: "tells the first 4xx without asking anybody else",
    theme: "contexts",
    foundBy: ["nobody is refused who could be served"],
    plant: (real) => (state, input, policy) => {
      if (state.phase !== "racing" || input.type !== "event" || input.event.type !== "failed")
        return real(state, input, policy);
      const { failure } = input.event;
      const event = { type: "failed", failure: { ...failure, retryable: failure.code !== "rejected" } } as const;
      return real(state, { ...input, event }, policy);
    },
  },
  {
    name: "tries as often as it likes",
    foundBy: ["a request is tried six times at most, and three that cost time"],
    plant: (real) => (state, input, policy) =>
      real(state, input, { ...policy, maxAttempts: 50, maxCostlyAttempts: 50 }),
  },
];

const isDue = (input: DispatchInput): boolean => input.type === "timer" && input.timer.startsWith("due:");

export type Judge = (attempts: readonly SentAttempt[]) => void;

/** Judges these attempts as the mutant has it, and leaves the others to the real judge: the first verdict counts. */
const misjudge =
  (change: (attempt: SentAttempt) => Parameters<SentAttempt["lease"]["judge"]>[0] | undefined) =>
  (real: Judge): Judge =>
  (attempts) => {
    for (const attempt of attempts) {
      const verdict = attempt.ending && change(attempt);
      if (verdict !== undefined && attempt.ending !== undefined) attempt.lease.judge(verdict, attempt.ending.at);
    }
    real(attempts);
  };

const NOT_ITS_OWN = ["nobody is out for what is not its own"];

/** Bugs in who is to blame for what. */
export const JUDGE_MUTANTS: readonly Mutant<Judge>[] = [
  {
    name: "blames providers for what failed alike elsewhere",
    theme: "poisoned",
    foundBy: NOT_ITS_OWN,
    plant: misjudge(({ ending }) => {
      const isFault = ending?.end.type === "failed" && ending.end.failure.faulty;
      return isFault ? { confirmed: true, connectionLost: false } : undefined;
    }),
  },
  {
    name: "blames who has lost a race",
    theme: "slow",
    foundBy: NOT_ITS_OWN,
    plant: misjudge(({ ending }) =>
      ending?.end.type === "cancelled" && ending.end.reason === "lost_race" ? "late" : undefined,
    ),
  },
  {
    name: "blames who is slower than was assumed, although it moves",
    theme: "tenfold",
    foundBy: NOT_ITS_OWN,
    plant: misjudge(({ ending }) =>
      ending?.end.type === "cancelled" && ending.end.reason === "deadline" ? "late" : undefined,
    ),
  },
];

export type WhyNobody = (
  rejected: readonly Contender[],
  context: EvaluationContext,
) => Exclude<PickResult, { type: "picked" }>;

/** Bugs in when nobody is left. */
export const LADDER_MUTANTS: readonly Mutant<WhyNobody>[] = [
  {
    name: "refuses what only those could serve whose breakers are open",
    theme: "lone",
    foundBy: ["nobody is refused who could be served"],
    plant: (real) => (rejected, context) =>
      real(
        rejected.filter(({ provider }) => !context.health.isOpen(provider, context.traits)),
        context,
      ),
  },
  {
    name: "refuses what only those could serve who are cooled for refusals",
    theme: "refusing",
    foundBy: ["nobody is refused who could be served"],
    plant: (real) => (rejected, context) =>
      real(
        rejected.filter(({ provider }) => !context.health.isCapacityCooled(provider, context.traits.model)),
        context,
      ),
  },
];

export type Choose = (
  candidates: readonly Contender[],
  context: EvaluationContext,
  deps: StrategyDeps,
) => Choice | undefined;

/** Bugs in who is chosen. */
export const STRATEGY_MUTANTS: readonly Mutant<Choose>[] = [
  {
    name: "forgets who was tried",
    foundBy: ["who was tried comes behind all others"],
    plant: (real) => (candidates, context, deps) => real(candidates, { ...context, history: NO_ATTEMPTS }, deps),
  },
];
