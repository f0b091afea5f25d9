import { drawAttemptPlan, drawSlowPlan, FAILING_PLAN, HUNG_PLAN, REFUSING_PLAN } from "./attempt-plans.js";
import { mixSeeds, Random } from "./random.js";
import type {
  AttemptPlan,
  ConsumerPlan,
  Disruption,
  Habit,
  ModelPlan,
  ProviderPlan,
  RequestPlan,
  Scenario,
} from "./scenario.js";
import { type HabitKind, THEME_WEIGHTS, THEMES, type Theme, type ThemeName } from "./themes.js";

/** What all parts of a scenario share. */
interface Frame {
  readonly theme: Theme;
  readonly healAtMs: number;
}

/** `m0` is served widely, `m1` by some, `m2` by three small machines; `best` is an alias of `m1` that falls back to `m0`. */
export const BUILDS = ["m0", "m1", "m2"] as const;
const ACCOUNTS = ["alice", "bob"] as const;

/**
 * Everything that chance decides about the run of a seed.
 *
 * @param leaning the theme, if chance is not to decide that too
 */
export function drawScenario(seed: number, leaning?: ThemeName): Scenario {
  const random = new Random(mixSeeds(seed, 0));
  const theme = THEMES[leaning ?? random.weighted(THEME_WEIGHTS)];
  const healAtMs = random.between(...theme.healAtMs);
  const count = random.pick(theme.requests);
  return {
    seed,
    healAtMs,
    slowdown: random.chance(theme.slowdown) ? drawSlowdown(random, healAtMs) : undefined,
    providers: Array.from({ length: theme.fleet }, (_, index) =>
      drawProvider(new Random(mixSeeds(seed, 1, index)), index, { theme, healAtMs }),
    ),
    requests: drawArrivals(random, count, { theme, healAtMs }).map((atMs, index) =>
      drawRequest(new Random(mixSeeds(seed, 2, index)), index, { theme, atMs }),
    ),
  };
}

function drawSlowdown(random: Random, healAtMs: number): Scenario["slowdown"] {
  const fromMs = random.between(0, healAtMs * 0.5);
  return { fromMs, toMs: fromMs + random.between(10_000, healAtMs), factor: 10 };
}

/** Alone and in crowds. */
function drawArrivals(random: Random, count: number, { theme, healAtMs }: Frame): number[] {
  const crowds = Array.from({ length: theme.crowds }, () => random.between(500, healAtMs * 0.8));
  const times: number[] = [];
  for (let index = 0; index < count; index++) {
    times.push(
      random.chance(theme.crowded) ? random.pick(crowds) + random.between(0, 400) : random.between(0, healAtMs),
    );
  }
  return times.sort((a, b) => a - b);
}

function drawProvider(random: Random, index: number, { theme, healAtMs }: Frame): ProviderPlan {
  return {
    index,
    models: drawModels(random, index, theme),
    version: random.pick(["0.6.2", "0.7.0", "1.0.0"]),
    account: random.weighted({ alice: 3, bob: 1, carol: 16 }),
    connectAtMs: random.chance(0.8) ? random.between(0, 300) : random.between(0, healAtMs * 0.7),
    latencyMs: random.skewed(0.3, 60),
    jitterMs: random.skewed(0.1, 30),
    heartbeatMs: random.between(...theme.heartbeatMs),
    habit: drawHabit(random, index, { theme, healAtMs }),
    disruptions: random.chance(theme.disruptions) ? drawDisruptions(random, healAtMs) : [],
  };
}

function drawModels(random: Random, index: number, theme: Theme): ModelPlan[] {
  const model = (id: string, concurrency: number): ModelPlan => ({
    id,
    concurrency,
    vision: random.chance(0.5),
    context: drawContext(random, theme),
    prefillTps: random.chance(0.4) ? random.skewed(40, 4_000) : undefined,
    cold: random.chance(0.1),
  });
  if (index < 3) return [model("m2", 1), ...(random.chance(0.3) ? [model("m0", 1)] : [])];
  if (index < 8) return [model("m1", random.whole(1, 3)), ...(random.chance(0.3) ? [model("m0", 1)] : [])];
  return [model("m0", random.whole(1, 4))];
}

function drawContext(random: Random, { misadvertised }: Theme): ModelPlan["context"] {
  const told = random.pick([8_192, 8_192, 8_192, 32_768]);
  return { told, real: random.chance(misadvertised) ? 4_096 : told };
}

function drawHabit(random: Random, index: number, { theme, healAtMs }: Frame): Habit | undefined {
  if (isBroken(index, theme)) return { fromMs: 0, shapes: "all", plan: FAILING_PLAN };
  if (!random.chance(theme.habits)) return undefined;
  const fromMs = random.between(0, healAtMs * theme.habitsBegin);
  const kind = random.weighted(theme.habitKinds as Record<HabitKind, number>);
  const shapes = kind === "drawn" ? random.pick(["all", "all", "tools", "vision"] as const) : "all";
  return { fromMs, shapes, plan: planOf(kind, random, theme) };
}

function isBroken(index: number, { broken }: Theme): boolean {
  switch (broken) {
    case "nobody":
      return false;
    case "majority":
      return index % 8 < 5;
    case "m1":
      return index >= 3 && index < 8;
  }
}

function planOf(kind: HabitKind, random: Random, theme: Theme): AttemptPlan {
  switch (kind) {
    case "refusing":
      return REFUSING_PLAN;
    case "failing":
      return FAILING_PLAN;
    case "hung":
      return HUNG_PLAN;
    case "slow":
      return drawSlowPlan(random);
    case "drawn":
      return drawAttemptPlan(random, theme);
  }
}

function drawDisruptions(random: Random, healAtMs: number): Disruption[] {
  const count = random.pick([1, 1, 1, 1, 2, 2, 4]);
  const times = Array.from({ length: count }, () => random.between(400, healAtMs)).sort((a, b) => a - b);
  return times.map((atMs) => ({ atMs, ...drawDisruption(random) }) as Disruption);
}

function drawDisruption(random: Random): object {
  const forMs = random.skewed(500, 60_000);
  const kind = random.weighted({
    crash: 5,
    half_open: 3,
    reconnect: 2,
    drain: 2,
    upgrade: 1,
    slot: 2,
    thermal: 1,
    own_work: 2,
    unload: 1,
    go_away: 2,
  });
  switch (kind) {
    case "crash":
    case "half_open":
    case "drain":
      return { type: kind, downMs: forMs };
    case "reconnect":
      return { type: kind };
    case "go_away":
      return { type: kind, backAfterMs: random.whole(0, 2_000) };
    case "upgrade":
      return { type: kind, version: "1.1.0" };
    case "slot":
      return { type: kind, state: random.pick(["reloading", "crashed"]), forMs };
    case "thermal":
    case "own_work":
    case "unload":
      return { type: kind, forMs };
  }
}

function drawRequest(
  random: Random,
  index: number,
  { theme, atMs }: { readonly theme: Theme; readonly atMs: number },
): RequestPlan {
  const tools = random.chance(theme.tools);
  const whole = random.chance(theme.whole);
  const model = random.chance(0.02) ? "unheard-of" : random.weighted(theme.models);
  const vision = random.chance(0.12);
  // Nothing goes by it: without this draw the seeds that have failed once would mean other scenarios.
  if (tools) random.chance(0.7);
  return {
    index,
    atMs,
    model,
    tools,
    vision,
    promptTokens: random.pick(theme.prompts),
    maxTokens: random.pick([64, 64, 1_024]),
    bodyBytes: random.chance(0.01) ? 400_000 : random.whole(2, 200),
    account: random.pick(ACCOUNTS),
    route: random.weighted({ any: 16, prefer: 3, self: 1 }),
    allowlist: random.chance(0.05) ? Array.from({ length: 3 }, () => random.whole(0, theme.fleet - 1)) : undefined,
    whole,
    poison: random.chance(theme.poisoned) ? random.pick([500, 502, 500]) : undefined,
    patienceMs: random.chance(theme.hasty) ? random.skewed(2_000, 300_000) : undefined,
    consumer: drawConsumer(random, theme),
    attempts: [0, 1, 2].map(() => drawAttemptPlan(random, theme, whole)),
  };
}

function drawConsumer(random: Random, theme: Theme): ConsumerPlan {
  return {
    hangUpAfterMs: random.chance(theme.hangUps) ? random.skewed(1, 40_000) : undefined,
    shutDownAfterMs: random.chance(0.02) ? random.skewed(1, 40_000) : undefined,
    slow: random.chance(0.12)
      ? { atWrite: random.whole(0, 4), forMs: random.skewed(100, 29_000), cut: random.chance(0.2) }
      : undefined,
  };
}
