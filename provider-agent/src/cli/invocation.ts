import type { Readable, Writable } from "node:stream";
import type { Clock } from "@hearth/platform";
import type { Command } from "commander";
import { type LoadedConfig, loadConfig } from "../config/config-file.js";
import { expandHome, platformPaths } from "../config/config-path.js";
import { type AgentSettings, readAgentSettings, type ServeFlags } from "../config.js";
import { AgentError } from "../platform/agent-error.js";
import type { InitSystem } from "../service/init-system.js";
import { createOutput, type Output } from "./output.js";
import type { AgentPorts } from "./ports.js";
import type { Prompter } from "./prompter.js";

type Env = Readonly<Record<string, string | undefined>>;

/** What every command works with; `main.ts` makes it. */
export interface CliContext {
  readonly env: Env;
  readonly platform: NodeJS.Platform;
  readonly clock: Clock;
  /** Wall clock, ms since 1970. */
  readonly wallClock: () => number;
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable;
  /** How this program was started: Node's own options and the script. */
  readonly program: readonly string[];
  readonly ports: AgentPorts;
  readonly initSystem: InitSystem | undefined;
  readonly prompter: Prompter;
  /** Aborts when the owner presses Ctrl-C. */
  readonly signal: AbortSignal;
}

/** Options that every command has. */
export interface GlobalOptions {
  readonly config?: string;
  readonly json?: boolean;
  readonly color?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
}

/** One run of one command. */
export interface Invocation extends CliContext {
  readonly out: Output;
  readonly options: GlobalOptions;
  /** Of the configuration file, absolute or as given. */
  readonly configPath: string;
  /** Whether the owner named the file; then it must be there. */
  readonly isConfigNamed: boolean;
  /** @throws AgentError `config_invalid` when it cannot be read, or was named and is not there */
  loadConfig(): LoadedConfig;
  /** @throws AgentError `config_invalid` that lists every problem */
  settings(flags?: ServeFlags): AgentSettings;
}

/** Puts together what a command of this command line works with. */
export function invocationOf(command: Command, context: CliContext): Invocation {
  const options = command.optsWithGlobals<GlobalOptions>();
  const named = options.config ?? (context.env["HEARTH_AGENT_CONFIG"] || undefined);
  const configPath = expandHome(named ?? platformPaths().config);
  const { stdout, stderr, env } = context;
  const load = (): LoadedConfig => {
    const loaded = loadConfig(configPath);
    if (loaded.type === "absent" && named !== undefined) {
      throw new AgentError("config_invalid", `${configPath} is not there. 'hearth-agent init' makes one.`);
    }
    return loaded;
  };
  return {
    ...context,
    options,
    configPath,
    isConfigNamed: named !== undefined,
    out: createOutput({
      stdout,
      stderr,
      env,
      json: options.json ?? false,
      quiet: options.quiet ?? false,
      color: options.color ?? true,
    }),
    loadConfig: load,
    settings: (flags = {}) => readAgentSettings(flags, env, load()),
  };
}

/** Whether a token is kept for any coordinator of these settings. */
export function hasStoredToken({ ports }: CliContext, { coordinators, name, dataDir }: AgentSettings): boolean {
  return coordinators.some((coordinator) => ports.tokens.read({ coordinator, name, dataDir }) !== undefined);
}
