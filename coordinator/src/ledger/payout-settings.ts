/** How what was earned is paid out. */
export interface PayoutSettings {
  /** The least that is paid out at once: what a payment costs must not eat it up. */
  readonly minimumMicroUsd: number;
}

export const DEFAULT_PAYOUTS: PayoutSettings = { minimumMicroUsd: 10_000_000 };
