/** How a request ended for its consumer; `refused` = no machine was asked. */
export const USAGE_OUTCOMES = ["success", "failure", "in_band_error", "cancelled", "refused"] as const;
export type UsageOutcome = (typeof USAGE_OUTCOMES)[number];

/**
 * One request, told by its numbers: nothing of what was asked or answered is in it. Those that were refused for one
 * reason may share one, with the id of the first of them.
 */
export interface RequestUsage {
  readonly requestId: string;
  /** When it arrived, wall-clock ms. */
  readonly atMs: number;
  readonly account: string;
  readonly keyId: string;
  /** What the consumer asked for, and the build that answered; empty = nobody did. */
  readonly modelAsked: string;
  readonly model: string;
  /** The machine that answered; empty = none did. */
  readonly providerId: string;
  readonly outcome: UsageOutcome;
  /** That it tells of: 1 but where they were refused. */
  readonly requests: number;
  /** The API that it was asked in, and the route; empty = of before this was kept. */
  readonly dialect: string;
  readonly endpoint: string;
  /** The account's own user that it was for, as a digest; empty = it did not say. */
  readonly endUser: string;
  /** Of its key. */
  readonly tags: Readonly<Record<string, string>>;
  readonly promptTokens: number;
  /** Of them, those that the machine had in its cache. */
  readonly cachedTokens: number;
  readonly completionTokens: number;
  /** Somebody estimated the tokens: nobody counted them. */
  readonly estimated: boolean;
  /** What the consumer paid, micro-USD. */
  readonly costMicroUsd: number;
  /** From its arrival to its end, ms. */
  readonly durationMs: number;
  /** From its arrival to its first content, ms; absent = there was none. */
  readonly firstContentMs: number | undefined;
  /** What is only shown: shape, attempts, stop reason, when its content came and so on, as JSON. */
  readonly facts: string;
}

/** How long the stretches are that totals are kept of. */
export const USAGE_UNITS = { minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;
export type UsageUnit = keyof typeof USAGE_UNITS;

/** What totals can be told apart by. The last ones are known of single requests only, as long as those are kept. */
export const USAGE_DIMENSIONS = ["account", "key", "model", "provider", "end_user", "dialect", "endpoint"] as const;
export type UsageDimension = (typeof USAGE_DIMENSIONS)[number];

/** Which requests are meant. Times are wall-clock ms. */
export interface UsageFilter {
  readonly fromMs: number;
  /** Up to and without. */
  readonly toMs: number;
  readonly account?: string | undefined;
  readonly keyId?: string | undefined;
  readonly model?: string | undefined;
  readonly providerId?: string | undefined;
  readonly endUser?: string | undefined;
  readonly dialect?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly tag?: { readonly name: string; readonly value: string } | undefined;
}

/** Whether somebody asks for what only single requests tell. */
export function isOfRequests({ endUser, dialect, endpoint, tag, by }: UsageFilter & Pick<TotalsQuery, "by">): boolean {
  const isFiltered = [endUser, dialect, endpoint, tag].some((each) => each !== undefined);
  return isFiltered || by.some((each) => each === "end_user" || each === "dialect" || each === "endpoint");
}

export interface UsagePage extends UsageFilter {
  readonly limit: number;
  /** The request that the page before ended with. */
  readonly after?: string | undefined;
}

export interface TotalsQuery extends UsageFilter {
  readonly unit: UsageUnit;
  readonly by: readonly UsageDimension[];
  /** Rows at most, oldest first. */
  readonly limit: number;
}

/** Since whole days, wall-clock ms. */
export interface SpentQuery {
  readonly account: string;
  readonly keyId: string;
  readonly sinceMs: readonly number[];
}

/** The sums of a stretch of time, of what its dimensions name; those that were not asked for are absent. */
export interface UsageTotals {
  /** When the stretch begins, wall-clock ms: a whole multiple of its unit in UTC. */
  readonly startMs: number;
  readonly account?: string;
  readonly key?: string;
  readonly model?: string;
  readonly provider?: string;
  readonly end_user?: string;
  readonly dialect?: string;
  readonly endpoint?: string;
  /** Those that were not refused. */
  readonly requests: number;
  readonly refused: number;
  /** Of them, those whose consumer got no whole answer, and those that it called off itself. */
  readonly failed: number;
  readonly cancelled: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly completionTokens: number;
  readonly costMicroUsd: number;
  readonly durationMs: number;
  /** Of so many requests the first content came after so long in all, ms. */
  readonly answered: number;
  readonly firstContentMs: number;
}

/** Until when each is kept, wall-clock ms. */
export interface UsageRetention {
  readonly requests: number;
  readonly minute: number;
  readonly hour: number;
  readonly day: number;
}

/** Rows of each kind that one `prune` removes at most. */
export const USAGE_PRUNE_BATCH = 5_000;

/** What was used, by request and in totals. */
export interface UsageStore {
  /** Keeps all or none, totals included. One that is there already counts once. */
  put(usage: readonly RequestUsage[]): Promise<void>;
  /** Newest first. */
  list(page: UsagePage): Promise<readonly RequestUsage[]>;
  totals(query: TotalsQuery): Promise<readonly UsageTotals[]>;
  /** What the requests of a key have cost since each of these times, micro-USD, as far as totals are kept. */
  spent(query: SpentQuery): Promise<readonly number[]>;
  /** Forgets what is older, at most `USAGE_PRUNE_BATCH` of each kind. @returns the most it has forgotten of one kind */
  prune(before: UsageRetention): Promise<number>;
  /** Forgets everything of an account, at most `USAGE_PRUNE_BATCH` of each kind. @returns as `prune` */
  forget(account: string): Promise<number>;
}
