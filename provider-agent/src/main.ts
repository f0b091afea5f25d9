#!/usr/bin/env node
import { CommanderError } from "commander";
import { runAgent } from "./agent.js";
import { createProgram } from "./cli/program.js";
import { readAgentConfig, type ServeFlags } from "./config.js";
import { AgentError, EXIT_CODES } from "./platform/agent-error.js";
import { createLogger } from "./platform/logger.js";

async function serve(flags: ServeFlags): Promise<void> {
  const config = readAgentConfig(flags, process.env);
  const log = createLogger(config.logLevel);
  const stopping = new AbortController();
  const stop = (): void => {
    // A second signal means now.
    if (stopping.signal.aborted) process.exit(EXIT_CODES.internal);
    stopping.abort();
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  await runAgent(config, { log }, stopping.signal);
  log.info("stopped");
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode;
  const known = error instanceof AgentError;
  process.stderr.write(`${known ? error.message : String((error as Error)?.stack ?? error)}\n`);
  return EXIT_CODES[known ? error.code : "internal"];
}

createProgram(serve)
  .parseAsync()
  .then(
    () => process.exit(0),
    (error: unknown) => process.exit(exitCodeOf(error)),
  );
