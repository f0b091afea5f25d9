import type { Usage } from "@hearth/protocol";
import type { Random } from "./random.js";
import type { Act, AttemptPlan, Misdeed, RequestPlan, Step } from "./scenario.js";
import type { Theme } from "./themes.js";

const USAGE: Usage = { prompt_tokens: 12, completion_tokens: 7 };

/** A clean answer, at once: what every provider does once the fleet is healed. */
export const HEALTHY_PLAN: AttemptPlan = {
  onCancel: "confirm",
  steps: (["role", "content", "finish", "usage", "done", "complete"] as const).map((type) => ({
    afterMs: 40,
    act: actOf(type),
  })),
};

function actOf(type: "role" | "content" | "finish" | "usage" | "done" | "complete"): Act {
  if (type === "content") return { type, events: 1, bytes: 16 };
  return type === "complete" ? { type, usage: USAGE } : { type };
}

/** The same plan for an answer of this form: what comes as a whole has no role, no words and no mark of its end. */
export function formed(plan: AttemptPlan, request: Pick<RequestPlan, "whole"> | undefined): AttemptPlan {
  if (request?.whole !== true) return plan;
  const steps = plan.steps.flatMap((step): Step[] => {
    switch (step.act.type) {
      case "finish":
      case "usage":
      case "final":
        return [];
      case "role":
        return [{ ...step, act: { type: "working", sign: "generating", counter: 1 } }];
      case "content":
        return [{ ...step, act: { type: "working", sign: "generating", counter: 2 } }];
      case "done":
        return [{ ...step, act: { type: "part", nth: 0, of: 1, bytes: 16 } }];
      case "working":
      case "complete":
      case "error":
      case "crash":
      case "half_open":
        return [step];
      default:
        return [];
    }
  });
  return { ...plan, steps };
}

/** There was room a moment ago. */
export const REFUSING_PLAN: AttemptPlan = {
  onCancel: "confirm",
  steps: [{ afterMs: 10, act: { type: "error", frame: { code: "capacity", progress: "refused" }, body: false } }],
};

/** Broken, and quick to say so. */
export const FAILING_PLAN: AttemptPlan = {
  onCancel: "confirm",
  steps: [
    {
      afterMs: 30,
      act: { type: "error", frame: { code: "backend_error", status: 500, progress: "processed" }, body: false },
    },
  ],
};

/** Taken, and never heard of again. */
export const HUNG_PLAN: AttemptPlan = { onCancel: "stop", steps: [] };

/** More than its model takes. */
export const TOO_LONG_PLAN: AttemptPlan = {
  onCancel: "confirm",
  steps: [
    {
      afterMs: 30,
      act: { type: "error", frame: { code: "bad_request", status: 400, progress: "refused" }, body: true },
    },
  ],
};

/** What every backend says of a request that none of them can digest. */
export function poisonedPlan(status: number): AttemptPlan {
  const frame = { code: "backend_error", status, progress: "processed" } as const;
  return { onCancel: "confirm", steps: [{ afterMs: 60, act: { type: "error", frame, body: false } }] };
}

/** A prompt that takes long to read: with signs of its own, with signs of the whole server, or without a word. */
export function drawSlowPlan(random: Random): AttemptPlan {
  const readingMs = random.skewed(15_000, 400_000);
  const told = random.pick(["request", "server", "comments", "nothing"] as const);
  const steps: Step[] = [];
  let left = readingMs;
  for (let nth = 1; told !== "nothing" && left > 0; nth++) {
    const afterMs = Math.min(left, random.between(4_000, 30_000));
    left -= afterMs;
    const act: Act =
      told === "comments"
        ? { type: "comment" }
        : { type: "working", sign: "prefilling", counter: nth * 512, scope: told };
    steps.push({ afterMs, act });
  }
  return {
    onCancel: "confirm",
    steps: [...steps, { afterMs: left, act: actOf("role") }, ...HEALTHY_PLAN.steps.slice(1)],
  };
}

/** How one attempt will go, good or bad. */
export function drawAttemptPlan(random: Random, theme: Theme, whole: boolean = false): AttemptPlan {
  const steps = whole ? wholeAnswer(random, theme) : cleanAnswer(random, theme);
  const spoilt = random.chance(theme.spoilt) ? spoil(random, steps, whole ? WHOLE_SPOILS : SPOILS) : steps;
  return { steps: spoilt, onCancel: random.weighted({ confirm: 8, carry_on: 1, stop: 1 }) };
}

function cleanAnswer(random: Random, theme: Theme): Step[] {
  const steps: Step[] = [];
  const add = (afterMs: number, act: Act): void => {
    steps.push({ afterMs, act });
  };
  const gapMs = (): number => (random.chance(0.02) ? random.between(8_000, 44_000) : random.skewed(2, 600));
  const ttftMs = random.chance(theme.late) ? random.skewed(4_000, 30_000) : random.skewed(20, 4_000);
  if (random.chance(theme.loading)) {
    add(random.skewed(20, 1_500), { type: "working", sign: "loading", counter: 1 });
    add(random.skewed(500, 90_000), { type: "role" });
  } else {
    if (random.chance(0.05)) add(random.skewed(20, 8_000), { type: "working", sign: "queued", counter: 2 });
    if (random.chance(theme.prefilling)) {
      const steps = random.whole(1, 6);
      for (let step = 1; step <= steps; step++) {
        add(random.skewed(20, 8_000), { type: "working", sign: "prefilling", counter: step * 512 });
      }
    }
    if (random.chance(0.1)) add(gapMs(), { type: "comment" });
    if (random.chance(0.9)) add(ttftMs * random.next(), { type: "role" });
    // Tool calls that a backend holds back until it has all of them.
    if (random.chance(0.05)) for (const step of written(random)) steps.push(step);
  }
  const frames = random.pick([0, 1, 1, 1, 1, 2, 2, 2, 3, 3, 6]);
  for (let frame = 0; frame < frames; frame++) {
    const events = random.chance(0.2) ? random.whole(2, 6) : 1;
    add(frame === 0 ? ttftMs : gapMs(), { type: "content", events, bytes: random.whole(...theme.contentBytes) });
  }
  if (random.chance(0.92)) add(gapMs(), { type: "finish" });
  if (random.chance(0.8)) add(random.skewed(1, 50), { type: "usage" });
  add(random.skewed(1, 50), { type: random.chance(0.9) || !hasFinish(steps) ? "done" : "final" });
  add(random.skewed(1, 20), { type: "complete", usage: usageOf(random) });
  return steps;
}

/** The words of an answer that nobody is shown yet. */
function written(random: Random): Step[] {
  const times = random.whole(1, 5);
  return Array.from({ length: times }, (_, nth) => ({
    afterMs: random.skewed(50, 30_000),
    act: { type: "working", sign: "generating", counter: (nth + 1) * 16 },
  }));
}

/** An answer that comes as a whole when it is complete. */
function wholeAnswer(random: Random, theme: Theme): Step[] {
  const steps: Step[] = [];
  const ttftMs = random.chance(theme.late) ? random.skewed(4_000, 30_000) : random.skewed(20, 4_000);
  if (random.chance(theme.loading)) {
    steps.push({ afterMs: random.skewed(20, 1_500), act: { type: "working", sign: "loading", counter: 1 } });
  }
  if (random.chance(theme.prefilling)) {
    steps.push({ afterMs: random.skewed(20, 8_000), act: { type: "working", sign: "prefilling", counter: 512 } });
  }
  const told = random.chance(0.8) ? written(random) : [];
  const [first, ...others] = told;
  if (first !== undefined) steps.push({ ...first, afterMs: ttftMs }, ...others);
  const of = random.whole(1, 3);
  const bytes = random.whole(...theme.contentBytes);
  for (let nth = 0; nth < of; nth++) {
    const afterMs = nth === 0 ? random.skewed(20, 4_000) : random.skewed(1, 50);
    steps.push({ afterMs, act: { type: "part", nth, of, bytes } });
  }
  return [...steps, { afterMs: random.skewed(1, 20), act: { type: "complete", usage: usageOf(random) } }];
}

const hasFinish = (steps: readonly Step[]): boolean => steps.some((step) => step.act.type === "finish");

/** Completion tokens that no answer of a scenario can have cost: what is counted must be less. */
export const LIED_TOKENS: number = 2 ** 40;

/** Usage is the provider's word: some of it is a lie. What is none is within the margin that every answer is granted. */
function usageOf(random: Random): Usage {
  if (random.chance(0.05)) return { prompt_tokens: Number.MAX_SAFE_INTEGER, completion_tokens: LIED_TOKENS };
  return { prompt_tokens: random.whole(1, 4_000), completion_tokens: random.whole(0, 250) };
}

const SPOILS = {
  silence: 8,
  error: 7,
  capacity: 4,
  bad_request: 2,
  wrapped_error: 4,
  crash: 3,
  half_open: 1.5,
  early_complete: 3,
  no_final: 3,
  no_complete: 2,
  long_gap: 3,
  many_preambles: 2,
  bulky_preamble: 1,
  only_loading: 2,
  empty: 2,
  second_complete: 1,
  unknown_control: 1,
  misdeed: 5,
} as const;

/** What can become of an answer that comes as a whole: most of what can, and that before its end it is heard of no more. */
const WHOLE_SPOILS: Spoils = {
  silence: 12,
  error: 9,
  capacity: 3,
  bad_request: 2,
  crash: 4,
  half_open: 1.5,
  early_complete: 2,
  no_complete: 2,
  long_gap: 4,
  only_loading: 1,
  second_complete: 1,
};

const MISDEEDS: Readonly<Record<Misdeed, number>> = {
  duplicate_frame: 2,
  skipped_seq: 2,
  reordered_frames: 2,
  corrupt_frame: 2,
  plaintext_frame: 1,
  partial_event: 2,
  garbage: 1,
  foreign_stream: 1,
  negative_usage: 1,
  overlong_frame: 0.02,
};

type Spoils = Readonly<Partial<Record<keyof typeof SPOILS, number>>>;

function spoil(random: Random, steps: readonly Step[], spoils: Spoils): Step[] {
  const at = random.whole(0, steps.length - 1);
  const before = steps.slice(0, at);
  const rest = steps.slice(at);
  const afterMs = random.skewed(2, 2_000);
  const cut = (act: Act): Step[] => [...before, { afterMs, act }];
  const kind = random.weighted(spoils as typeof SPOILS);
  switch (kind) {
    case "silence":
      return [...before];
    case "error":
      return cut(errorAct(random));
    case "capacity":
      return cut(capacityAct(random));
    case "bad_request":
      return cut({ type: "error", frame: { code: "bad_request", status: 422, progress: "refused" }, body: true });
    case "wrapped_error":
      return cut({ type: "wrapped_error", status: random.pick([500, 503, 429, 400, 504, undefined]) });
    case "crash":
    case "half_open":
      return cut({ type: kind });
    case "early_complete":
      return cut({ type: "complete", usage: USAGE });
    case "no_final":
      return steps.filter(({ act }) => act.type !== "done" && act.type !== "final");
    case "no_complete":
      return steps.filter(({ act }) => act.type !== "complete");
    case "long_gap":
      return [...before, { afterMs: random.between(46_000, 110_000), act: (rest[0] as Step).act }, ...rest.slice(1)];
    case "many_preambles":
      return [...Array.from({ length: 12 }, (_, nth) => preamble(random, nth)), ...rest];
    case "bulky_preamble":
      return [{ afterMs: 40, act: { type: "bulky_preamble", bytes: 70_000 } }, ...rest];
    case "only_loading":
      return [{ afterMs, act: { type: "working", sign: "loading", counter: 1 } }];
    case "empty":
      return [
        { afterMs, act: { type: "role" } },
        ...steps.filter(({ act }) => act.type === "done" || act.type === "complete"),
      ];
    case "second_complete":
      return [...steps, { afterMs, act: { type: "complete", usage: USAGE } }];
    case "unknown_control":
      return [...before, { afterMs, act: { type: "unknown_control" } }, ...rest];
    case "misdeed":
      return [...before, { afterMs, act: { type: random.weighted(MISDEEDS) } }, ...rest];
  }
}

/** Of many, each says something else; or all say the same, and so nothing more than one of them. */
function preamble(random: Random, nth: number): Step {
  return { afterMs: 30, act: random.chance(0.9) ? { type: "bulky_preamble", bytes: nth + 1 } : { type: "role" } };
}

function errorAct(random: Random): Act {
  const code = random.pick([
    "backend_error",
    "backend_unreachable",
    "backend_stalled",
    "model_not_found",
    "internal",
  ] as const);
  const status = code === "backend_error" ? random.pick([500, 502, 504, 503, 404]) : undefined;
  const progress = random.pick(["not_started", "refused", "processed"] as const);
  return { type: "error", frame: { code, progress, ...(status === undefined ? {} : { status }) }, body: false };
}

function capacityAct(random: Random): Act {
  const status = random.pick([429, 503]);
  return {
    type: "error",
    frame: { code: random.pick(["capacity", "backend_error"]), status, progress: "refused" },
    body: false,
  };
}
