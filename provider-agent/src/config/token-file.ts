import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeWhole } from "@hearth/disk";
import { describeFault, randomText } from "@hearth/platform";
import { AgentError } from "../platform/agent-error.js";
import { dataUnusable } from "../platform/data-directory.js";
import { describeReadFault } from "./read-bounded.js";

/** Where the provider token is kept, for its owner only (0600). */
const tokenPath = (dataDir: string): string => join(dataDir, "provider-token");

/** The provider token of this data directory. @throws AgentError `config_invalid` when it cannot be read */
export function readTokenFile(dataDir: string): string | undefined {
  try {
    return readFileSync(tokenPath(dataDir), "utf8").trim() || undefined;
  } catch (cause) {
    const { code } = describeFault(cause);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new AgentError("config_invalid", `${tokenPath(dataDir)} cannot be read: ${describeReadFault(cause)}.`, {
      cause,
    });
  }
}

/** Keeps it, whole or not at all. @throws AgentError `data_unusable` when it cannot be written */
export function writeTokenFile(dataDir: string, token: string): void {
  const path = tokenPath(dataDir);
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    writeWhole(path, `${token}\n`, { draft: `${path}.${randomText(6)}`, existing: "replace" });
  } catch (cause) {
    throw dataUnusable(`${path} cannot be written`, cause);
  }
}

/** @returns whether there was one */
export function removeTokenFile(dataDir: string): boolean {
  const had = readTokenFile(dataDir) !== undefined;
  rmSync(tokenPath(dataDir), { force: true });
  return had;
}
