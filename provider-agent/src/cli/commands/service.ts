import { isAbsolute, resolve } from "node:path";
import { type Clock, sleep } from "@hearth/platform";
import type { Command } from "commander";
import { platformPaths } from "../../config/config-path.js";
import type { AgentConfig, AgentSettings, ServeFlags } from "../../config.js";
import type { ConnectionStatus } from "../../local/agent-status.js";
import { AgentError } from "../../platform/agent-error.js";
import type { InitSystem, ServiceDefinition } from "../../service/init-system.js";
import { noInitSystem } from "../../service/open-init-system.js";
import { lockHolder } from "../../supervisor/agent-lock.js";
import { notStarted, putLogAside, startInBackground, stopRunning } from "../background-agent.js";
import { type CliContext, hasStoredToken, type Invocation, invocationOf } from "../invocation.js";
import { RunningAgent } from "../running-agent.js";
import { addServeOptions, serveArguments } from "../serve-options.js";
import { serveConfig } from "./serve.js";

/** A coordinator that is there lets an agent in sooner, ms. */
const CONNECT_MS = 5_000;
const POLL_MS = 100;
/** How long an agent that ends may take to be gone, ms. */
const LAST_WORDS_MS = 5_000;

/** `start`, `stop`, `install`, `uninstall`. */
export function addService(program: Command, context: CliContext): void {
  const start = program
    .command("start")
    .description("start the agent in the background: the installed service, or a supervised process");
  addServeOptions(start).action((flags: ServeFlags) => startAgent(invocationOf(start, context), flags));
  const stop = program
    .command("stop")
    .description("stop the agent that runs in the background; what it works on may end")
    .option("-n, --name <name>", "name of the agent")
    .action((flags: ServeFlags) => stopAgent(invocationOf(stop, context), flags));
  const install = program
    .command("install")
    .description("start the agent now and whenever you log in (launchd on macOS, systemd on Linux)")
    .action(() => installService(invocationOf(install, context)));
  const uninstall = program
    .command("uninstall")
    .description("stop the service and forget it; configuration and data stay")
    .action(() => uninstallService(invocationOf(uninstall, context)));
}

async function startAgent(invocation: Invocation, flags: ServeFlags): Promise<void> {
  const { out, initSystem } = invocation;
  const service = await initSystem?.state();
  if (initSystem !== undefined && service !== undefined && service.type !== "not_installed") {
    if (serveArguments(flags).length > 0) {
      throw new AgentError(
        "config_invalid",
        "The installed service takes no flags: 'hearth-agent config set' changes what it does.",
      );
    }
    // What the service would end with at once is said here.
    invocation.settings();
    if (initSystem.kind === "launchd" && service.type === "stopped") putLogAside(platformPaths().log);
    await initSystem.start();
    return out.result({ started: initSystem.kind }, `Started, by ${initSystem.kind}.`);
  }
  const config = serveConfig(invocation, flags);
  const key = flags.backendKey === undefined ? {} : { HEARTH_BACKEND_KEY: flags.backendKey };
  const { env, program, clock, signal } = invocation;
  const command = [...program, ...configArguments(invocation), "serve", "--supervise", ...serveArguments(flags)];
  const logPath = platformPaths().log;
  const { dataDir, name } = config;
  const hasStatusPage = config.statusPage.enabled;
  const background = { command, env: { ...env, ...key }, logPath, dataDir, name, hasStatusPage, clock };
  const pid = await startInBackground(background, signal);
  const connection = hasStatusPage ? await connectionOf(config, invocation) : null;
  const where = connection?.type === "registered" ? `, registered with ${connection.coordinator}` : "";
  out.result(
    { started: "background", pid, log: logPath, connection },
    `Started (process ${pid})${where}. Log: ${logPath}`,
  );
  if (connection !== null && where === "") out.warn("It is not connected yet: 'hearth-agent status' says how it does.");
  out.say("It runs until you stop it or the machine restarts; 'hearth-agent install' keeps it running.");
}

/** How the agent stands when it has registered, or has had some time to. @throws AgentError when it has ended */
async function connectionOf(config: AgentConfig, { clock, signal }: Invocation): Promise<ConnectionStatus> {
  const deadline = clock.now() + CONNECT_MS;
  try {
    for (;;) {
      const { connection } = await RunningAgent.find(config, clock).status(signal);
      if (connection.type === "registered" || clock.now() >= deadline || signal.aborted) return connection;
      await sleep(clock, POLL_MS, signal);
    }
  } catch (error) {
    const hasEnded = error instanceof AgentError && error.code === "not_running";
    if (!hasEnded) throw error;
    await lastWords(config, clock, signal);
    throw notStarted(platformPaths().log, 0, error);
  }
}

/** An agent that ends gives up its page first, and says why last. */
async function lastWords({ dataDir, name }: AgentConfig, clock: Clock, signal: AbortSignal): Promise<void> {
  const deadline = clock.now() + LAST_WORDS_MS;
  while (lockHolder(dataDir, name) !== undefined && clock.now() < deadline && !signal.aborted) {
    await sleep(clock, POLL_MS, signal);
  }
}

async function stopAgent(invocation: Invocation, flags: ServeFlags): Promise<void> {
  const { out, initSystem, clock, signal } = invocation;
  if (initSystem !== undefined && (await initSystem.state()).type === "running") {
    await initSystem.stop();
    return out.result(
      { stopped: initSystem.kind },
      "Stopped. It starts again when you log in; 'hearth-agent uninstall' ends that.",
    );
  }
  const { dataDir, name } = invocation.settings(flags);
  const pid = await stopRunning(dataDir, name, clock, signal);
  out.result({ stopped: "background", pid }, `Stopped (process ${pid}).`);
}

async function installService(invocation: Invocation): Promise<void> {
  const { out, platform, program } = invocation;
  const initSystem = requireInitSystem(invocation);
  const script = program.at(-1) ?? "";
  if (/[\\/]_npx[\\/]/.test(script)) {
    throw new AgentError(
      "service_failed",
      "This program lies in npx's cache, which npm empties: run 'npm install -g @hearth/provider-agent', then 'hearth-agent install'.",
    );
  }
  const settings = invocation.settings();
  requireStoredToken(invocation, settings);
  const running = lockHolder(settings.dataDir, settings.name);
  if (running !== undefined && (await initSystem.state()).type !== "running") {
    throw new AgentError(
      "already_running",
      `An agent runs already (process ${running.pid}). Run 'hearth-agent stop' first.`,
    );
  }
  await initSystem.install(definitionOf(invocation, initSystem.kind));
  const path = initSystem.definitionPath;
  out.result(
    { installed: initSystem.kind, definition: path },
    `Installed and started, by ${initSystem.kind} (${path}).`,
  );
  if (platform === "linux") out.say("To keep it running while you are logged out: loginctl enable-linger");
  out.say("See how it does: hearth-agent status");
}

async function uninstallService(invocation: Invocation): Promise<void> {
  const initSystem = requireInitSystem(invocation);
  const was = await initSystem.state();
  await initSystem.uninstall();
  const removed = was.type !== "not_installed";
  const text = removed ? `Stopped and removed ${initSystem.definitionPath}.` : "No service is installed.";
  invocation.out.result({ removed, definition: initSystem.definitionPath }, text);
}

function requireInitSystem({ initSystem, platform }: Invocation): InitSystem {
  if (initSystem === undefined) throw noInitSystem(platform);
  return initSystem;
}

/** A service has none of this shell's variables. */
function requireStoredToken(invocation: Invocation, settings: AgentSettings): void {
  if (hasStoredToken(invocation, settings)) return;
  const why = invocation.env["HEARTH_PROVIDER_TOKEN"]
    ? "a service does not see this shell's HEARTH_PROVIDER_TOKEN"
    : "there is none yet";
  throw new AgentError(
    "config_invalid",
    `The service needs a kept provider token, and ${why}: run 'hearth-agent login' or 'hearth-agent init'.`,
  );
}

/** What a service must be told of this shell, because it starts without it. */
const INHERITED = [
  "PATH",
  "HEARTH_AGENT_DATA_DIR",
  "HEARTH_ENCLAVE_HELPER",
  "XDG_CONFIG_HOME",
  "XDG_STATE_HOME",
  "NODE_EXTRA_CA_CERTS",
] as const;

/** launchd cannot tell which endings are for good, so there the agent supervises itself. */
function definitionOf(invocation: Invocation, kind: InitSystem["kind"]): ServiceDefinition {
  const { env, program } = invocation;
  const supervise = kind === "launchd" ? ["--supervise"] : [];
  const environment = INHERITED.flatMap((name) => (env[name] ? [[name, env[name]] as const] : []));
  return {
    command: [process.execPath, ...program, ...configArguments(invocation), "serve", ...supervise],
    environment: Object.fromEntries(environment),
    logPath: platformPaths().log,
  };
}

function configArguments({ isConfigNamed, configPath }: Invocation): readonly string[] {
  if (!isConfigNamed) return [];
  return ["--config", isAbsolute(configPath) ? configPath : resolve(configPath)];
}
