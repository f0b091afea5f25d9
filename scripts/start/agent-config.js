import { writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * The configuration of the demo's agent: none of the one that its user may have for lending this machine, which may
 * name other windows, pauses, or its owner only, so that the first completion would never come.
 * @param {string} dataDir
 * @param {NodeJS.ProcessEnv} env
 * @returns {string | undefined} its path; none where it cannot be written, which the programs say themselves
 */
export function agentConfigOf(dataDir, env) {
  if (env.HEARTH_AGENT_CONFIG) return env.HEARTH_AGENT_CONFIG;
  const path = join(dataDir, "demo-agent.toml");
  try {
    writeFileSync(path, "# The agent of 'npm start' goes by this file, and by no other.\n", { mode: 0o600 });
    return path;
  } catch {
    return undefined;
  }
}
