import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SetUpError } from "../setup/set-up-error.js";

// Whoever asks his own machine pays nothing. So that the demo shows what requests cost, its machine is another account's,
// and the account of its API key is given something to spend.

/** The account that owns the demo's machine. */
export const OWNER = "demo-owner";
/** The account of HEARTH_API_KEY. */
export const CONSUMER = "default";
export const CREDIT_MICRO_USD = 1_000_000;
/** Micro-USD per million tokens. */
const PRICE = { input: 200_000, output: 800_000, cached_input: 20_000 };
const TIMEOUT_MS = 10_000;

/**
 * @typedef {object} Demo
 * @property {string} configPath the coordinator's configuration file
 * @property {string} providerToken what the machine connects with, for this run
 */

/**
 * Writes the configuration of the demo: what its model costs, and whose its machine is.
 * @param {{ dataDir: string, model: string }} where
 * @param {NodeJS.ProcessEnv} env
 * @returns {Demo | undefined} none with a configuration of the user's own, nor where it cannot be written: what is wrong
 *   with the directory the coordinator says itself
 */
export function prepareDemo({ dataDir, model }, env) {
  if (env.HEARTH_CONFIG) return undefined;
  const configPath = join(dataDir, "demo-config.json");
  const providerToken = `hp-${randomBytes(32).toString("base64url")}`;
  const sha256 = createHash("sha256").update(providerToken).digest("hex");
  const config = { provider_tokens: [{ account: OWNER, sha256 }], prices: { models: { [model]: [PRICE] } } };
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    writeFileSync(`${configPath}.new`, `${JSON.stringify(config, undefined, 2)}\n`, { mode: 0o600 });
    renameSync(`${configPath}.new`, configPath);
  } catch {
    return undefined;
  }
  return { configPath, providerToken };
}

/**
 * Gives the demo's consumer something to spend: once, however often it is started.
 * @param {string} origin
 * @param {string} adminKey
 */
export async function grantCredit(origin, adminKey) {
  const response = await fetch(`${origin}/admin/accounts/${CONSUMER}/grants`, {
    method: "POST",
    headers: { authorization: `Bearer ${adminKey}`, "idempotency-key": "demo-credit" },
    body: JSON.stringify({ amount_micro_usd: CREDIT_MICRO_USD, reason: "demo credit" }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!response.ok) {
    throw new SetUpError(`The demo's credit was refused with ${response.status}: ${await response.text()}`);
  }
}

/**
 * What the account of an API key can spend, micro-USD.
 * @param {string} origin
 * @param {string} apiKey
 * @returns {Promise<number>}
 */
export async function availableMicroUsd(origin, apiKey) {
  const headers = { authorization: `Bearer ${apiKey}` };
  const response = await fetch(`${origin}/v1/me/balance`, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!response.ok) throw new SetUpError(`/v1/me/balance says ${response.status}: ${await response.text()}`);
  return (await response.json()).available_micro_usd;
}
