import type { Command } from "commander";
import { type AgentConfig, readAgentConfig, type ServeFlags } from "../../config.js";
import { EXIT_CODES } from "../../platform/agent-error.js";
import { requireDataDirectory } from "../../platform/data-directory.js";
import { closeLog, openLog, type ProgramLog } from "../../platform/logger.js";
import { takeLock } from "../../supervisor/agent-lock.js";
import { ORPHAN_GRACE_MS, onSupervisorLost } from "../../supervisor/worker-process.js";
import { type CliContext, type Invocation, invocationOf } from "../invocation.js";
import { addServeOptions, withLogLevel } from "../serve-options.js";

/** `serve`: connects and serves until stopped. */
export function addServe(program: Command, context: CliContext): void {
  const command = program.command("serve").description("connect to a coordinator and serve its requests until stopped");
  addServeOptions(command)
    // The program takes this one out before it comes here, see `main.ts`.
    .option("--supervise", "start the agent again when it crashes, at most 5 times in 10 minutes")
    .addHelpText(
      "after",
      `
The provider token is read from HEARTH_PROVIDER_TOKEN, else from what 'hearth-agent login' or 'init' kept.
Without --backend and without a configuration file, servers on the usual ports are found.

Examples:
  $ hearth-agent serve --coordinator wss://hearth.example/ws/provider
  $ hearth-agent serve -c wss://hearth.example/ws/provider -b http://127.0.0.1:8080/v1 -m qwen3-8b`,
    )
    .action(async (flags: ServeFlags) => {
      const invocation = invocationOf(command, context);
      const config = serveConfig(invocation, flags);
      requireDataDirectory(config.dataDir);
      const log = openLog(config.logLevel, logFormat(invocation), context.clock);
      process.on("exit", () => log.file.flushAtExit());
      try {
        await serve(invocation, config, log);
      } finally {
        await closeLog(log, invocation.stderr);
      }
    });
}

/** @throws AgentError `config_invalid` that lists every problem */
export function serveConfig(invocation: Invocation, flags: ServeFlags): AgentConfig {
  const { env, options, ports } = invocation;
  const file = invocation.loadConfig();
  return readAgentConfig(withLogLevel(flags, options), env, { file, storedToken: (place) => ports.tokens.read(place) });
}

/** People at a terminal read text; everything else reads JSON. */
function logFormat({ stdout, options }: Invocation): "json" | "text" {
  return stdout.isTTY === true && !options.json ? "text" : "json";
}

async function serve({ ports, clock }: Invocation, config: AgentConfig, log: ProgramLog): Promise<void> {
  using _lock = takeLock(config.dataDir, config.name);
  if (process.connected) log.log.info({ pid: process.pid }, "worker started");
  const stopping = new AbortController();
  const stop = (): void => {
    // A second signal means now.
    if (stopping.signal.aborted) process.exit(EXIT_CODES.internal);
    stopping.abort();
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  onSupervisorLost(() => {
    if (!stopping.signal.aborted) stopping.abort();
    clock.setTimer(ORPHAN_GRACE_MS, () => process.exit(EXIT_CODES.internal));
  });
  await ports.runAgent(config, log, stopping.signal);
  log.log.info("stopped");
}
