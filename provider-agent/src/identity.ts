import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomText } from "./platform/rng.js";

/** Bytes of an identity; its text is their unpadded base64url. */
const IDENTITY_BYTES = 32;

/**
 * The stable identity of this machine under this name: made once and kept for its owner only (0600). Two agents on one
 * machine need two names.
 *
 * @throws the file system's error when the directory cannot be read or written
 */
export function loadIdentity(dataDir: string, name: string): string {
  const path = join(dataDir, `identity-${encodeURIComponent(name)}`);
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  try {
    // Exclusive: two agents that start at once agree on the first one's identity.
    writeFileSync(path, randomText(IDENTITY_BYTES), { mode: 0o600, flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  return readFileSync(path, "utf8").trim();
}
