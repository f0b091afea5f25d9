/** How much money is set aside for a request, and how closely its spending is watched. */
export interface PaymentSettings {
  /** Where an answer has no bound, or is streamed, so many of its tokens are paid ahead at a time. */
  readonly sliceTokens: number;
  /** A prompt may come to so many times what was estimated. */
  readonly promptFactor: number;
  /** How often what is being written is looked at, ms. */
  readonly watchMs: number;
}

export const DEFAULT_PAYMENTS: PaymentSettings = { sliceTokens: 4_096, promptFactor: 1.5, watchMs: 1_000 };
