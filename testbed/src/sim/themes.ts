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
  readonly habits: number;
  /** Of the habits, those that refuse for want of room. */
  readonly refusing: number;
  /** Of the habits, those that fail with an error at once. */
  readonly failing: number;
  /** Habits begin somewhere in this share of the time until the healing. */
  readonly habitsBegin: number;
  readonly disruptions: number;
  readonly hangUps: number;
  /** Share of attempts that go wrong. */
  readonly spoilt: number;
  /** Share of attempts whose first content is late. */
  readonly late: number;
  /** Share of attempts whose backend loads the model first. */
  readonly loading: number;
  /** Bytes of a content event. */
  readonly contentBytes: readonly [number, number];
  readonly heartbeatMs: readonly [number, number];
}

const MIXED: Theme = {
  requests: [12, 16, 28],
  healAtMs: [40_000, 90_000],
  models: { m0: 8, m1: 6, m2: 5, best: 2 },
  crowds: 3,
  crowded: 0.6,
  tools: 0.25,
  habits: 0.2,
  refusing: 0.1,
  failing: 0.2,
  habitsBegin: 0.1,
  disruptions: 0.35,
  hangUps: 0.15,
  spoilt: 0.5,
  late: 0.12,
  loading: 0.08,
  contentBytes: [4, 40],
  heartbeatMs: [15_000, 60_000],
};

export type ThemeName = "mixed" | "crowd" | "flood" | "ailing" | "rotting" | "slow" | "bulk";

export const THEMES: Readonly<Record<ThemeName, Theme>> = {
  mixed: MIXED,
  /** More than there is room for. */
  crowd: {
    ...MIXED,
    requests: [24],
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
    requests: [36],
    healAtMs: [120_000, 240_000],
    models: { m0: 1, m1: 12, m2: 3, best: 0 },
    crowded: 0.3,
    tools: 0.5,
    habits: 0.4,
    refusing: 0.3,
    disruptions: 0.15,
    hangUps: 0.3,
    spoilt: 0.1,
    late: 0.3,
    habitsBegin: 0.6,
    loading: 0.3,
    heartbeatMs: [5_000, 25_000],
  },
  /** One machine after another goes bad, and stays so. */
  rotting: {
    ...MIXED,
    requests: [48],
    healAtMs: [300_000, 400_000],
    models: { m0: 0, m1: 1, m2: 20, best: 0 },
    crowded: 0,
    tools: 0,
    habits: 0.65,
    refusing: 0.1,
    failing: 1,
    habitsBegin: 0.9,
    disruptions: 0,
    hangUps: 0,
    spoilt: 0.02,
    late: 0,
  },
  /** Hedges are due all the time. */
  slow: {
    ...MIXED,
    requests: [26],
    models: { m0: 12, m1: 4, m2: 0, best: 1 },
    late: 0.7,
    spoilt: 0.2,
    disruptions: 0.1,
    habits: 0,
  },
  /** Long answers. */
  bulk: { ...MIXED, requests: [6], contentBytes: [8_000, 18_000], spoilt: 0.3 },
};

/** How often each is drawn. */
export const THEME_WEIGHTS: Readonly<Record<ThemeName, number>> = {
  mixed: 50,
  crowd: 15,
  flood: 1.5,
  ailing: 15,
  rotting: 2.5,
  slow: 12,
  bulk: 2,
};
