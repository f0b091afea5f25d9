/**
 * What a scenario leans towards. Chance that is spread evenly over everything comes near few limits; a run that leans
 * comes near some of them, and each seed leans in its own way.
 */
export interface Theme {
  readonly requests: readonly number[];
  readonly healAtMs: readonly [number, number];
  readonly models: Readonly<Record<"m0" | "m1" | "m2" | "best", number>>;
  readonly crowds: number;
  /** Share of requests that come in crowds. */
  readonly crowded: number;
  readonly tools: number;
  /** Share of providers that serve everybody in some way of their own. */
  readonly habits: number;
  readonly habitKinds: Readonly<Partial<Record<HabitKind, number>>>;
  /** Habits begin somewhere in this share of the time until the healing. */
  readonly habitsBegin: number;
  readonly disruptions: number;
  readonly hangUps: number;
  /** Share of attempts that go wrong. */
  readonly spoilt: number;
  /** Share of attempts whose first content is late. */
  readonly late: number;
  /** Share of attempts whose backend loads the model first, and of those that tell how they read their prompt. */
  readonly loading: number;
  readonly prefilling: number;
  /** Share of requests whose answer comes as a whole, and of those that every backend fails at. */
  readonly whole: number;
  readonly poisoned: number;
  /** Share of consumers that say how long they wait. */
  readonly hasty: number;
  /** Prompts, tokens, and the share of models that take less than they say. */
  readonly prompts: readonly number[];
  readonly misadvertised: number;
  /** Chance that the whole fleet slows down tenfold for a while. */
  readonly slowdown: number;
  /** Who fails all the time: nobody, five of each eight, or all who serve `m1`. */
  readonly broken: "nobody" | "majority" | "m1";
  /** Providers in all; the rest stays away. */
  readonly fleet: number;
  /** Bytes of a content event. */
  readonly contentBytes: readonly [number, number];
  readonly heartbeatMs: readonly [number, number];
}

/** How a provider serves everybody: it refuses, fails at once, takes it and says nothing, is slow, or anything else. */
export type HabitKind = "refusing" | "failing" | "hung" | "slow" | "drawn";

const MIXED: Theme = {
  requests: [10, 12, 22],
  healAtMs: [40_000, 80_000],
  models: { m0: 8, m1: 6, m2: 5, best: 2 },
  crowds: 3,
  crowded: 0.6,
  tools: 0.25,
  habits: 0.2,
  habitKinds: { refusing: 10, failing: 20, hung: 10, slow: 10, drawn: 50 },
  habitsBegin: 0.1,
  disruptions: 0.35,
  hangUps: 0.15,
  spoilt: 0.5,
  late: 0.12,
  loading: 0.08,
  prefilling: 0.1,
  whole: 0.15,
  poisoned: 0.02,
  hasty: 0.05,
  prompts: [40, 40, 700, 5_000],
  misadvertised: 0.1,
  slowdown: 0.05,
  broken: "nobody",
  fleet: 16,
  contentBytes: [4, 40],
  heartbeatMs: [15_000, 60_000],
};

export type ThemeName = keyof typeof THEME_WEIGHTS;

export const THEMES: Readonly<Record<ThemeName, Theme>> = {
  mixed: MIXED,
  /** More than there is room for. */
  crowd: {
    ...MIXED,
    requests: [20],
    models: { m0: 1, m1: 3, m2: 8, best: 2 },
    crowded: 0.9,
    spoilt: 0.2,
    disruptions: 0.2,
  },
  /** More than there is room for even in the queue. */
  flood: {
    ...MIXED,
    requests: [74],
    models: { m0: 0, m1: 0, m2: 1, best: 0 },
    crowds: 1,
    crowded: 1,
    hangUps: 0.2,
    tools: 0,
    spoilt: 0.2,
  },
  /** Some machines fail again and again. */
  ailing: {
    ...MIXED,
    requests: [26],
    healAtMs: [100_000, 180_000],
    models: { m0: 1, m1: 12, m2: 3, best: 0 },
    crowded: 0.3,
    tools: 0.5,
    habits: 0.4,
    habitKinds: { refusing: 30, failing: 20, hung: 10, slow: 10, drawn: 30 },
    disruptions: 0.15,
    hangUps: 0.3,
    spoilt: 0.1,
    late: 0.3,
    habitsBegin: 0.6,
    loading: 0.3,
    heartbeatMs: [8_000, 30_000],
  },
  /** One machine after another goes bad, and stays so. */
  rotting: {
    ...MIXED,
    requests: [40],
    healAtMs: [300_000, 400_000],
    models: { m0: 0, m1: 1, m2: 20, best: 0 },
    crowded: 0,
    tools: 0,
    habits: 0.65,
    habitKinds: { refusing: 10, failing: 90 },
    habitsBegin: 0.9,
    disruptions: 0,
    hangUps: 0,
    spoilt: 0.02,
    late: 0,
  },
  /** Hedges are due all the time. */
  slow: {
    ...MIXED,
    requests: [22],
    models: { m0: 12, m1: 4, m2: 0, best: 1 },
    late: 0.7,
    spoilt: 0.2,
    disruptions: 0.1,
    habits: 0,
  },
  /** Long answers. */
  bulk: { ...MIXED, requests: [6], contentBytes: [8_000, 18_000], spoilt: 0.3 },
  /** Backends that take a request and say nothing more, also when they have been started again. */
  hung: { ...MIXED, requests: [12], habits: 0.5, habitKinds: { hung: 1 }, crowded: 0.3, disruptions: 0.4, spoilt: 0.1 },
  /** Prompts that take long to read, with and without a word of it. */
  prefill: {
    ...MIXED,
    requests: [14],
    models: { m0: 3, m1: 8, m2: 5, best: 1 },
    habits: 0.6,
    habitKinds: { slow: 1 },
    habitsBegin: 0.5,
    disruptions: 0.1,
    hangUps: 0.05,
    spoilt: 0.1,
  },
  /** All machines at once take ten times as long. */
  tenfold: {
    ...MIXED,
    requests: [28],
    models: { m0: 3, m1: 8, m2: 3, best: 1 },
    slowdown: 1,
    prefilling: 0.7,
    late: 0.4,
    habits: 0,
    disruptions: 0.1,
    spoilt: 0.1,
  },
  /** More are broken than are not. */
  majority: { ...MIXED, requests: [22], broken: "majority", crowded: 0.2, disruptions: 0.1, spoilt: 0.1 },
  /** Requests that fail alike everywhere, among others. */
  poisoned: { ...MIXED, requests: [22], poisoned: 0.4, crowded: 0.3, habits: 0.05, disruptions: 0.1, spoilt: 0.05 },
  /** Backends that take less than they say, and some that take more than others. */
  contexts: {
    ...MIXED,
    requests: [20],
    prompts: [700, 5_000, 6_000, 12_000],
    misadvertised: 0.5,
    habits: 0.05,
    disruptions: 0.1,
    spoilt: 0.1,
  },
  /** Answers that come as a whole, and die when much of them was written. */
  whole: { ...MIXED, requests: [14], whole: 1, habits: 0.1, spoilt: 0.6 },
  /** A name whose wanted build is broken. */
  alias: {
    ...MIXED,
    requests: [20],
    models: { m0: 3, m1: 1, m2: 0, best: 12 },
    broken: "m1",
    crowded: 0.3,
    disruptions: 0.1,
    spoilt: 0.1,
  },
  /** One machine, and it is not the best. */
  lone: {
    ...MIXED,
    requests: [8],
    models: { m0: 0, m1: 0, m2: 1, best: 0 },
    fleet: 1,
    crowds: 1,
    crowded: 0.4,
    habits: 0.6,
    habitKinds: { failing: 2, hung: 1, slow: 4, refusing: 1 },
    habitsBegin: 0.6,
    hangUps: 0.05,
    spoilt: 0.1,
  },
  /** One machine, which refuses although it shows room. */
  refusing: {
    ...MIXED,
    requests: [40],
    healAtMs: [200_000, 300_000],
    models: { m0: 0, m1: 1, m2: 0, best: 0 },
    // One of them serves `m1`.
    fleet: 4,
    crowds: 12,
    crowded: 0.8,
    habits: 1,
    habitKinds: { refusing: 1 },
    habitsBegin: 0.3,
    disruptions: 0.1,
    hangUps: 0.05,
    spoilt: 0.1,
  },
};

/** How often each is drawn. */
export const THEME_WEIGHTS = {
  mixed: 40,
  crowd: 12,
  flood: 1,
  ailing: 12,
  rotting: 2.5,
  slow: 8,
  bulk: 2,
  hung: 4,
  prefill: 5,
  tenfold: 5,
  majority: 4,
  poisoned: 4,
  contexts: 4,
  whole: 5,
  alias: 4,
  lone: 4,
  // Drawn where it is asked for: what is drawn from a seed stays as it was.
  refusing: 0,
} as const;
