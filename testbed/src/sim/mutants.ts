import type { DispatchEffect, DispatchInput, DispatchPolicy, DispatchState } from "@hearth/coordinator/internals";

export type Step = (
  state: DispatchState,
  input: DispatchInput,
  policy: DispatchPolicy,
) => readonly [DispatchState, readonly DispatchEffect[]];

/** A state machine with a bug in it, made from the real one. */
export interface StepMutant {
  readonly name: string;
  readonly plant: (real: Step) => Step;
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
export const STEP_MUTANTS: readonly StepMutant[] = [
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
];
