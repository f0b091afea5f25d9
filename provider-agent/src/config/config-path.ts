import { homedir } from "node:os";
import { join } from "node:path";
import envPaths from "env-paths";

/** Where this platform keeps a program's files. */
export interface PlatformPaths {
  /** The configuration file. */
  readonly config: string;
  /** The log of an agent that runs without a terminal. */
  readonly log: string;
  /** Identity, token and what else is kept. */
  readonly data: string;
}

/** The platform's own places, and `~/.hearth-agent` for data, as ever. */
export function platformPaths(): PlatformPaths {
  const { config, log } = envPaths("hearth-agent", { suffix: "" });
  return {
    config: join(config, "config.toml"),
    log: join(log, "agent.log"),
    data: join(homedir(), ".hearth-agent"),
  };
}

/** `~/x` as people write it in a file; anything else stays as it is. */
export function expandHome(path: string): string {
  return path === "~" || path.startsWith("~/") ? join(homedir(), path.slice(1)) : path;
}
