import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AgentError } from "./platform/agent-error.js";
import { describeFault } from "./platform/fault.js";
import { randomText } from "./platform/rng.js";

/** Bytes of an identity; its text is their unpadded base64url. */
const IDENTITY_BYTES = 32;
const IDENTITY = /^[A-Za-z0-9_-]{43}$/;

/**
 * The stable identity of this machine under this name: made once and kept for its owner only (0600). Two agents on one
 * machine need two names.
 *
 * @throws AgentError `config_invalid` when the directory cannot be read or written, or holds something else
 */
export function loadIdentity(dataDir: string, name: string): string {
  const path = join(dataDir, `identity-${encodeURIComponent(name)}`);
  let identity: string;
  try {
    identity = readOrMake(dataDir, path);
  } catch (cause) {
    const { code } = describeFault(cause);
    throw new AgentError("config_invalid", `The data directory ${dataDir} cannot be used: ${code ?? "error"}.`, {
      cause,
    });
  }
  if (IDENTITY.test(identity)) return identity;
  throw new AgentError("config_invalid", `${path} holds no identity: remove it, and a new one is made.`);
}

function readOrMake(dataDir: string, path: string): string {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomText(6)}`;
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  writeFileSync(draft, randomText(IDENTITY_BYTES), { mode: 0o600, flag: "wx" });
  try {
    // Complete from the first moment, and only if it is the first: two agents that start at once agree on one.
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  return readFileSync(path, "utf8").trim();
}
