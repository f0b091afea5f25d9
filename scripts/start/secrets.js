import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { SetUpError } from "../setup/set-up-error.js";

/** The coordinator writes each secret that the environment does not set to its own file in the data directory. */
const SECRETS = {
  apiKey: { variable: "HEARTH_API_KEY", file: "api-key" },
  adminKey: { variable: "HEARTH_ADMIN_KEY", file: "admin-key" },
  providerToken: { variable: "HEARTH_PROVIDER_TOKEN", file: "provider-token" },
};

/**
 * @param {NodeJS.ProcessEnv} env
 * @param {string} dataDir
 * @returns {{ apiKey: string, adminKey: string, providerToken: string }} the environment wins over the files
 */
export function readSecrets(env, dataDir) {
  const entries = Object.entries(SECRETS).map(([name, { variable, file }]) => {
    if (env[variable]) return [name, env[variable]];
    const path = join(dataDir, file);
    if (!existsSync(path)) throw new SetUpError(`${path} is missing, and ${variable} is not set.`);
    return [name, readFileSync(path, "utf8").trim()];
  });
  return Object.fromEntries(entries);
}
