import { createHash } from "node:crypto";
import { NO_SETTINGS, type Settings } from "@hearth/coordinator";
import { ADMIN_KEY, type TestCoordinator } from "../scripted/test-coordinator.js";

// A coordinator at which requests cost something: those of `default` bring `owner` money.

export const OWNER_TOKEN = "an-owners-token-0123456789";
export const OWNER_KEY = "an-owners-key-0123456789";
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Micro-USD: 1 a token of the model `m` that is read, 2 a token that is written. @param feeBasisPoints the platform's share */
export function paidSettings(feeBasisPoints: number): Settings {
  return {
    ...NO_SETTINGS,
    providerTokens: [{ account: "owner", sha256: sha256(OWNER_TOKEN) }],
    apiKeys: [{ account: "owner", sha256: sha256(OWNER_KEY) }],
    prices: {
      ...NO_SETTINGS.prices,
      models: new Map([["m", [{ fromMs: 0, input: 1_000_000n, output: 2_000_000n, cachedInput: 0n }]]]),
    },
    ledger: { ...NO_SETTINGS.ledger, feeBasisPoints },
    payments: { ...NO_SETTINGS.payments, sliceTokens: 50, watchMs: 100 },
  };
}

/** Puts money on `default`. @returns the answer's status */
export async function deposit({ url }: TestCoordinator, microUsd: number): Promise<number> {
  const response = await fetch(`${url}/admin/accounts/default/deposits`, {
    method: "POST",
    headers: { Authorization: `Bearer ${ADMIN_KEY}` },
    body: JSON.stringify({ amount_micro_usd: microUsd, reason: "test" }),
  });
  return response.status;
}
