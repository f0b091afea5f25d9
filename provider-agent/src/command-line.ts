import { setMaxListeners } from "node:events";
import { homedir } from "node:os";
import { systemRng } from "@hearth/platform";
import { CommanderError } from "commander";
import { tokenVault } from "./cli/connect/token-vault.js";
import type { CliContext } from "./cli/invocation.js";
import type { AgentPorts } from "./cli/ports.js";
import { createProgram } from "./cli/program.js";
import { terminalPrompter } from "./cli/prompter.js";
import { machineFacts } from "./machine/hardware.js";
import { standBack } from "./machine/priority.js";
import { EXIT_CODES } from "./platform/agent-error.js";
import { systemClock, systemWallTime } from "./platform/clock.js";
import { dataUnusable } from "./platform/data-directory.js";
import { sayFinal } from "./platform/final-words.js";
import { openInitSystem } from "./service/open-init-system.js";
import { commandRunner } from "./service/run-command.js";

const { env, platform, argv, stdin, stdout, stderr } = process;

const backends = async () => (await import("./cli/connect/backend-ports.js")).backendPorts(systemClock);

/** What a command does not need is not loaded for it: the agent itself is most of the program. */
const ports: AgentPorts = {
  runAgent: async (config, { log, file }, signal) => {
    const { runAgent } = await import("./agent.js");
    log.debug({ priority: standBack() }, "stands back");
    return runAgent(config, { log, logFile: file, sessionType: env["XDG_SESSION_TYPE"] }, signal);
  },
  describeMachine: async () => {
    const { chip = "Unknown chip", cpuCores: cores, memoryBytes } = await machineFacts();
    return { chip, cores, memoryBytes };
  },
  detectBackends: async (signal) => (await backends()).detectBackends(signal),
  probeBackends: async (settings, signal) => (await backends()).probeBackends(settings, signal),
  tokens: tokenVault,
  models: async () => {
    const { modelPort } = await import("./cli/connect/model-port.js");
    return modelPort({ clock: systemClock, env, platform });
  },
  bench: async () => {
    const { benchPort } = await import("./cli/connect/bench-port.js");
    return benchPort({ clock: systemClock, rng: systemRng, wallTime: systemWallTime });
  },
  enrol: async () => {
    const { enrolPort } = await import("./cli/connect/enrol-port.js");
    const { identityText } = await import("./cli/connect/attest-port.js");
    return enrolPort({ clock: systemClock, identity: (settings) => identityText({ clock: systemClock }, settings) });
  },
  attest: async () => {
    const { attestPort } = await import("./cli/connect/attest-port.js");
    return attestPort({ clock: systemClock, wallTime: systemWallTime });
  },
};

/** Commands end on Ctrl-C by themselves; `serve` listens for it too, and takes its time. */
function interruption(): AbortSignal {
  const interrupted = new AbortController();
  // A command may wait for many things at once.
  setMaxListeners(0, interrupted.signal);
  process.once("SIGINT", () => interrupted.abort());
  return interrupted.signal;
}

const context: CliContext = {
  env,
  platform,
  clock: systemClock,
  wallClock: systemWallTime,
  stdin,
  stdout,
  stderr,
  program: [...process.execArgv, argv[1] ?? ""],
  ports,
  initSystem: openInitSystem({
    run: commandRunner(env),
    platform,
    home: homedir(),
    configHome: env["XDG_CONFIG_HOME"],
    uid: process.getuid?.() ?? 0,
  }),
  prompter: terminalPrompter(),
  signal: interruption(),
};

/** Leaves when what was said has gone out: a pipe may take its time. */
function leave(): void {
  // The event comes only after this.
  if (stdout.errored) notHeard(stdout.errored);
  // Where nothing waits nothing is tried: `serve` has said nothing here, and ends well on a full disk too.
  if (stdout.writableLength === 0) stderr.write("", () => process.exit());
  else stdout.write("", () => leave());
}

/** Ends a command whose answer does not go out. */
function notHeard(error: NodeJS.ErrnoException): never {
  // The reader has seen enough, as `head` does.
  if (error.code === "EPIPE") process.exit();
  stderr.write(`${dataUnusable("The answer cannot be written to stdout", error).message}\n`);
  process.exit(EXIT_CODES.data_unusable);
}

stdout.on("error", notHeard);
// What is said there is worth no end: the exit code tells it as well.
stderr.on("error", () => {});

createProgram(context)
  .parseAsync()
  .catch((error: unknown) => {
    process.exitCode =
      error instanceof CommanderError ? error.exitCode : sayFinal(error, stderr, argv.includes("--json"));
  })
  .finally(leave);
