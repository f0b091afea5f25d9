/** How many requests are remembered, each about a kilobyte. */
export interface TimelineSettings {
  /** Of everybody; 0 = none. */
  readonly requests: number;
  /** Of one account: nobody pushes out what others are to find. */
  readonly accountRequests: number;
}

export const DEFAULT_TIMELINES: TimelineSettings = { requests: 10_000, accountRequests: 2_000 };
