import { type Clock, deadline, type Rng } from "@hearth/platform";
import type { ModelAdvert } from "@hearth/protocol";
import type { Backend } from "../backends/backend.js";
import { FIRST_BYTE_MS } from "../jobs/call-backend.js";
import { ASSUMED_SCALE, benchPrompt, type PromptScale, scaleOf, wordsFor } from "./bench-prompt.js";
import { type BenchFigures, figuresOf } from "./figures.js";
import { measureRun, type RunOutcome, type RunSample } from "./measure-run.js";
import { REQUEST_FORMS, type RequestForm, requestBody } from "./request-form.js";

/** How a model is measured. */
export interface BenchPlan {
  /** Tokens of the prompts; those beyond the model's context become as long as fits. */
  readonly sizes: readonly number[];
  /** Measured runs of each size. */
  readonly repeats: number;
  /** Tokens that each answer may have. */
  readonly maxTokens: number;
  /** How long the measured runs of one model may take together, ms; the last one is broken off. */
  readonly budgetMs: number;
  /** How long warming up may take, with loading the model, ms. */
  readonly warmUpMs: number;
}

export const DEFAULT_PLAN: BenchPlan = {
  sizes: [64, 512, 2_048],
  repeats: 3,
  maxTokens: 64,
  budgetMs: 60_000,
  warmUpMs: FIRST_BYTE_MS,
};

export type ModelFindings =
  /** `problem` is what did not work with some of the sizes. */
  | { readonly type: "measured"; readonly figures: BenchFigures; readonly problem?: string }
  | { readonly type: "failed"; readonly problem: string };

export interface ModelUnderTest {
  readonly backend: Backend;
  readonly advert: ModelAdvert;
  readonly plan: BenchPlan;
  readonly clock: Clock;
  readonly rng: Rng;
  /** Share of this model's work that is done, 0 to 1, and what comes now. */
  readonly progress: (share: number, what: string) => void;
}

/** Words of the two prompts that load the model, show how many tokens a word is, and are not counted. */
const WARM_UP_WORDS = { short: 16, long: 256 } as const;
const WARM_UP_TOKENS = 8;
/** What is taken for the context where none is told, tokens: no server's default is smaller. */
const ASSUMED_CONTEXT = 4_096;
/** Of what is left of a context beside the answer; a prompt is only estimated when it is made. */
const CONTEXT_SHARE = 0.9;
/** Smaller prompts measure nothing, tokens. */
const MIN_SIZE = 16;

interface Warmth {
  readonly form: RequestForm;
  readonly scale: PromptScale;
}

/** Measures one model of a backend. @throws the signal's reason when it aborts */
export async function measureModel(test: ModelUnderTest, signal: AbortSignal): Promise<ModelFindings> {
  const { plan, advert } = test;
  const sizes = sizesWithin(advert.context_length ?? ASSUMED_CONTEXT, plan);
  if (sizes.length === 0) return { type: "failed", problem: "its context is too short to measure anything" };
  const warmth = await warmUp(test, signal);
  if ("problem" in warmth) return { type: "failed", problem: warmth.problem };
  return await measureSizes(test, { sizes, ...warmth }, signal);
}

function sizesWithin(context: number, { sizes, maxTokens }: BenchPlan): number[] {
  const room = Math.floor((context - maxTokens) * CONTEXT_SHARE);
  const fitting = sizes.map((size) => Math.min(size, room)).filter((size) => size >= MIN_SIZE);
  return [...new Set(fitting)].sort((a, b) => a - b);
}

async function warmUp(test: ModelUnderTest, signal: AbortSignal): Promise<Warmth | { readonly problem: string }> {
  const { plan, clock, advert } = test;
  test.progress(0, "warming up");
  using limit = deadline(clock, plan.warmUpMs, signal);
  const { short, long } = WARM_UP_WORDS;
  let problem = "";
  for (const form of REQUEST_FORMS) {
    const first = await send(test, { form, words: short, maxTokens: WARM_UP_TOKENS }, limit.signal);
    signal.throwIfAborted();
    if (limit.signal.aborted) return { problem: `it was not ready within ${plan.warmUpMs / 1_000} s` };
    if (first.type === "measured") {
      // Also has the server prepare what it needs for long prompts only.
      const fits = (advert.context_length ?? ASSUMED_CONTEXT) > 2 * long;
      const next = { form, words: long, maxTokens: WARM_UP_TOKENS };
      const second = fits ? await send(test, next, limit.signal) : undefined;
      signal.throwIfAborted();
      return { form, scale: scaleFrom(first.sample, second) };
    }
    problem = first.problem;
    if (first.type === "failed") break;
  }
  return { problem };
}

function scaleFrom({ promptTokens: shortTokens }: RunSample, second: RunOutcome | undefined): PromptScale {
  const longTokens = second?.type === "measured" ? second.sample.promptTokens : undefined;
  if (shortTokens === undefined || longTokens === undefined) return ASSUMED_SCALE;
  const { short, long } = WARM_UP_WORDS;
  return scaleOf({ words: short, tokens: shortTokens }, { words: long, tokens: longTokens });
}

interface Measuring extends Warmth {
  readonly sizes: readonly number[];
}

/**
 * One run of each size after the other, and again: what makes a machine slower as time goes, heat above all, comes upon
 * all sizes alike, and there is something of each when time is up. A size that fails is not tried again.
 */
async function measureSizes(
  test: ModelUnderTest,
  { sizes, form, scale }: Measuring,
  signal: AbortSignal,
): Promise<ModelFindings> {
  const { plan, clock } = test;
  const samples = new Map<number, RunSample[]>(sizes.map((size) => [size, []]));
  const problems = new Map<number, string>();
  using limit = deadline(clock, plan.budgetMs, signal);
  // Two for warming up.
  const steps = 2 + plan.repeats * sizes.length;
  for (let step = 2; step < steps && !limit.signal.aborted; step += 1) {
    const size = sizes[(step - 2) % sizes.length] ?? 0;
    const round = Math.floor((step - 2) / sizes.length) + 1;
    if (problems.has(size)) continue;
    test.progress(step / steps, `${size} tokens, run ${round} of ${plan.repeats}`);
    const words = wordsFor(size, scale);
    const outcome = await send(test, { form, words, maxTokens: plan.maxTokens }, limit.signal);
    signal.throwIfAborted();
    if (outcome.type === "measured") samples.get(size)?.push(outcome.sample);
    else if (!limit.signal.aborted) problems.set(size, outcome.problem);
  }
  const taken = sizes.map((size) => ({ size, samples: samples.get(size) ?? [] }));
  const problem = [...problems].map(([size, each]) => `with ${size} tokens: ${each}`).join("; ");
  if (taken.some((each) => each.samples.length > 0)) {
    return { type: "measured", figures: figuresOf(taken), ...(problem === "" ? {} : { problem }) };
  }
  return { type: "failed", problem: problem || `no run ended within ${plan.budgetMs / 1_000} s` };
}

interface Sending {
  readonly form: RequestForm;
  readonly words: number;
  readonly maxTokens: number;
}

function send(test: ModelUnderTest, { form, words, maxTokens }: Sending, signal: AbortSignal): Promise<RunOutcome> {
  const { backend, clock, rng, advert } = test;
  const prompt = benchPrompt(words, rng);
  const body = requestBody(form, { model: advert.id, prompt, maxTokens });
  const loading = (): void => test.progress(0, "loading");
  return measureRun({ backend, clock, model: advert.id, body, hooks: { loading } }, signal);
}
