import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Config, ConfigError } from "./config.js";
import { newSecret } from "./platform/ids.js";

/** As for those of the environment, characters. */
const MIN_SECRET_LENGTH = 16;

export interface Secrets {
  readonly apiKey: string;
  readonly adminKey: string;
  readonly providerToken: string;
  /** What was made just now, to be shown once: variable name → value. */
  readonly generated: ReadonlyMap<string, string>;
}

/**
 * The secrets of this coordinator: from the environment, else from the data directory, else made now and stored there
 * for their owner only (0600).
 *
 * @throws the file system's error when the directory cannot be read or written
 */
export function loadSecrets(config: Config): Secrets {
  const generated = new Map<string, string>();
  const load = (given: string | undefined, file: string, variable: string, prefix: string): string => {
    if (given !== undefined) return given;
    const { value, fresh } = readOrCreateSecret(config.dataDir, file, prefix);
    if (fresh) generated.set(variable, value);
    return value;
  };
  return {
    apiKey: load(config.apiKey, "api-key", "HEARTH_API_KEY", "hk-"),
    adminKey: load(config.adminKey, "admin-key", "HEARTH_ADMIN_KEY", "ha-"),
    providerToken: load(config.providerToken, "provider-token", "HEARTH_PROVIDER_TOKEN", "hp-"),
    generated,
  };
}

/**
 * A secret in a file of its owner's only (0600): the stored one, or one that is made now.
 *
 * @throws ConfigError for a file whose secret is too short: one cut short would let everybody in
 */
export function readOrCreateSecret(
  dir: string,
  file: string,
  prefix: string,
): { readonly value: string; readonly fresh: boolean } {
  const path = join(dir, file);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const value = newSecret(prefix);
  try {
    // Exclusive: two coordinators that start at once agree on the first one's secret.
    writeFileSync(path, `${value}\n`, { mode: 0o600, flag: "wx" });
    return { value, fresh: true };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    const stored = readFileSync(path, "utf8").trim();
    if (stored.length < MIN_SECRET_LENGTH) {
      throw new ConfigError([
        `${path} holds no secret of ${MIN_SECRET_LENGTH} characters or more: delete it or fill it in`,
      ]);
    }
    return { value: stored, fresh: false };
  }
}
