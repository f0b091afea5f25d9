/** How much money is set aside for a request, and how closely its spending is watched. */
export interface PaymentSettings {
  /** Tokens that are paid ahead at a time, when an answer has no bound or is streamed. */
  readonly sliceTokens: number;
  /** By how much a prompt may exceed its estimate, as a factor. */
  readonly promptFactor: number;
  /** How often running answers are checked, ms. */
  readonly watchMs: number;
  /**
   * What the platform pays a machine at most for work that is more than what was set aside for a request, micro-USD.
   * Above 0, whoever has a machine and a consumer's account can take so much of the platform with each request.
   */
  readonly mostLossMicroUsd: number;
}

export const DEFAULT_PAYMENTS: PaymentSettings = {
  sliceTokens: 4_096,
  promptFactor: 1.5,
  watchMs: 1_000,
  mostLossMicroUsd: 0,
};
