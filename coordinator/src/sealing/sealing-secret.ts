import { newSecret } from "../platform/ids.js";
import { readOrCreateSecret } from "../secrets.js";

const PREFIX = "hs-";

/** A secret that lives as long as this process: its keys are gone with it. */
export function newSealingSecret(): string {
  return newSecret(PREFIX);
}

/**
 * The secret that the keys for sealed requests are derived from: the one in the data directory, else one that is made
 * now and stored there. Coordinators that are given the same file announce the same keys.
 *
 * @throws ConfigError for a file that holds no usable secret
 * @throws DiskError when the file can be neither read nor written
 */
export function loadSealingSecret(dataDir: string): string {
  return readOrCreateSecret(dataDir, "sealing-secret", PREFIX).value;
}
