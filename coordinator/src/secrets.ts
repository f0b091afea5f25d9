import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DiskError, diskFaultCode, writeWhole } from "@hearth/disk";
import { newSecret } from "@hearth/platform";
import { type Config, ConfigError } from "./config.js";
import { SEALING_SECRET_PREFIX } from "./sealing/sealing-secret.js";

/** As for those of the environment, characters. */
const MIN_SECRET_LENGTH = 16;

const ADMIN_KEY_FILE = "admin-key";
const ADMIN_KEY_PREFIX = "ha-";

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
 * @throws DiskError when a file cannot be read or written; ConfigError for one that holds no secret
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
    adminKey: load(config.adminKey, ADMIN_KEY_FILE, "HEARTH_ADMIN_KEY", ADMIN_KEY_PREFIX),
    providerToken: load(config.providerToken, "provider-token", "HEARTH_PROVIDER_TOKEN", "hp-"),
    generated,
  };
}

/**
 * The operator's key for commands: from the environment, else as the coordinator of this data directory has stored it.
 *
 * @returns `undefined` where neither has one: only the coordinator makes one
 * @throws as `loadSecrets`
 */
export function findAdminKey({ adminKey, dataDir }: Pick<Config, "adminKey" | "dataDir">): string | undefined {
  if (adminKey !== undefined) return adminKey;
  const path = join(dataDir, ADMIN_KEY_FILE);
  try {
    return readSecret(path);
  } catch (error) {
    if (error instanceof DiskError && diskFaultCode(error.cause) === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * Replaces the operator's key in the data directory, whatever stood there.
 *
 * @returns the new one
 * @throws DiskError when it cannot be written
 */
export function replaceAdminKey(dataDir: string): string {
  const value = newSecret(ADMIN_KEY_PREFIX);
  write(join(dataDir, ADMIN_KEY_FILE), value, "replace");
  return value;
}

/**
 * The secret that the keys for sealed requests are derived from: the one in the data directory, else one that is made
 * now and stored there. Coordinators that are given the same file announce the same keys.
 *
 * @throws ConfigError for a file that holds no usable secret
 * @throws DiskError when the file can be neither read nor written
 */
export function loadSealingSecret(dataDir: string): string {
  return readOrCreateSecret(dataDir, "sealing-secret", SEALING_SECRET_PREFIX).value;
}

/** The name of this coordinator among those of its database: always the same for one data directory. @throws as `loadSecrets` */
export function loadNodeName(dataDir: string): string {
  return readOrCreateSecret(dataDir, "node-name", "node-").value;
}

/**
 * A secret in a file of its owner's only (0600): the stored one, or one that is made now.
 *
 * @throws ConfigError for a file whose secret is too short: one cut short would let everybody in
 * @throws DiskError when it can be neither read nor written whole
 */
function readOrCreateSecret(
  dir: string,
  file: string,
  prefix: string,
): { readonly value: string; readonly fresh: boolean } {
  const path = join(dir, file);
  const value = newSecret(prefix);
  if (store(path, value)) return { value, fresh: true };
  return { value: readSecret(path), fresh: false };
}

function readSecret(path: string): string {
  const stored = read(path);
  if (stored.length >= MIN_SECRET_LENGTH) return stored;
  throw new ConfigError([
    `${path} holds no secret of ${MIN_SECRET_LENGTH} characters or more: delete it or fill it in`,
  ]);
}

/** Two coordinators that start at once agree on the first one's secret. @returns false when there is one already */
function store(path: string, secret: string): boolean {
  try {
    write(path, secret, "keep");
    return true;
  } catch (error) {
    if (error instanceof DiskError && diskFaultCode(error.cause) === "EEXIST" && existsSync(path)) return false;
    throw error;
  }
}

function write(path: string, secret: string, existing: "keep" | "replace"): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeWhole(path, `${secret}\n`, { draft: `${path}.${newSecret("")}`, existing });
  } catch (cause) {
    throw new DiskError(`The secret ${path} cannot be kept`, cause);
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (cause) {
    throw new DiskError(`The secret ${path} cannot be read`, cause);
  }
}
