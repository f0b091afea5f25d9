/** How long what is known of keys is believed, and how much of it is kept. */
export interface AccountSettings {
  /** How long a key that was found is taken as it was, ms: so late do other coordinators hear that it was revoked. */
  readonly cachedMs: number;
  /** How long a key that was not found is unknown without another look, ms. */
  readonly unknownMs: number;
  /** How long a key that was found is still served while the store does not answer, ms. */
  readonly graceMs: number;
  /** How long the store is waited for, ms. */
  readonly lookupMs: number;
  /** Keys that are looked up at once. */
  readonly lookups: number;
  /** Keys that are remembered. */
  readonly keys: number;
  /** Secrets that are remembered to be nobody's. */
  readonly unknownKeys: number;
  /** Keys of one account that are not revoked. */
  readonly keysPerAccount: number;
  /** How long a key is kept after it was revoked or has expired, days. */
  readonly endedKeyDays: number;
}

/** A revoked key stops within 3 s everywhere, as long as the store answers; where it is revoked, at once. */
export const DEFAULT_ACCOUNTS: AccountSettings = {
  cachedMs: 3_000,
  unknownMs: 1_000,
  graceMs: 60_000,
  lookupMs: 2_000,
  lookups: 256,
  keys: 20_000,
  unknownKeys: 10_000,
  keysPerAccount: 100,
  endedKeyDays: 90,
};
