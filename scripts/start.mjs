// npm start: everything on this machine, from a clone to a served completion. It starts a coordinator and one agent
// with the embedded engine, as separate processes, and stops them together.
import "./setup/node-version.js";
import { join, relative } from "node:path";
import { followNpm } from "./setup/follow-npm.js";
import { mergeRepeatedSignals } from "./setup/merge-repeated-signals.js";
import { setUp } from "./setup/set-up.js";
import { reportFailure, SetUpError } from "./setup/set-up-error.js";
import { agentConfigOf } from "./start/agent-config.js";
import { availableMicroUsd, grantCredit, prepareDemo } from "./start/demo-money.js";
import { requireFreePort } from "./start/free-port.js";
import { startProgram } from "./start/program.js";
import { readyText } from "./start/ready-text.js";
import { readSecrets } from "./start/secrets.js";
import { readSettings } from "./start/settings.js";
import { waitForCompletion, waitForCoordinator } from "./start/wait-until-ready.js";

/** Why everything ends although nothing is wrong. */
const STOPPED = Symbol("stopped");
const FORCED_EXIT_CODE = 130;
const MODEL = "pico";

/** @type {import("./start/program.js").Program[]} in the order of their starting */
const programs = [];
const ending = new AbortController();

async function main() {
  const wished = readSettings(process.env);
  const settings = { ...wished, port: await requireFreePort(wished) };
  setUp();
  mergeRepeatedSignals();
  followNpm();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, stopOrForce);
  try {
    await serve(settings, `${settings.address}:${settings.port}`);
  } catch (error) {
    if (error !== STOPPED) throw error;
    console.log("\nStopping … (Ctrl-C again to force)");
  } finally {
    await stopPrograms();
  }
  console.log("Stopped.");
}

/** Ends only by throwing: {@link STOPPED}, or what went wrong. */
async function serve(settings, authority) {
  const { signal } = ending;
  const origin = `http://${authority}`;
  const demo = prepareDemo({ dataDir: settings.dataDir, model: MODEL }, process.env);
  console.error("Starting the coordinator …");
  const coordinator = { name: "coordinator", main: "coordinator/dist/main.js", args: [] };
  launch({ ...coordinator, env: coordinatorEnv(settings, demo) }, settings);
  await waitForCoordinator(origin, signal);
  const secrets = readSecrets(process.env, settings.dataDir);
  if (demo) await grantCredit(origin, secrets.adminKey);
  console.error("Starting an agent with the embedded engine …");
  const args = ["serve", "--coordinator", `ws://${authority}/ws/provider`, "--backend", "embedded", "--model", MODEL];
  launch(
    { name: "agent", main: "provider-agent/dist/main.js", args, env: agentEnv(settings, demo ?? secrets) },
    settings,
  );
  const { model, isPaid } = await waitForCompletion(origin, secrets.apiKey, signal);
  const logs = settings.showLogs ? "below" : relative(process.cwd(), settings.logDir) || ".";
  const money = demo && {
    availableMicroUsd: await availableMicroUsd(origin, secrets.apiKey),
    isEnough: isPaid,
    agentDataDir: relative(process.cwd(), agentDataDirOf(settings)) || ".",
  };
  console.log(readyText({ origin, model, secrets, env: process.env, logs, money }));
  await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
}

function launch(what, settings) {
  const program = startProgram(what, settings);
  programs.push(program);
  program.ended.then((how) => {
    ending.abort(new SetUpError(`The ${program.name} ${how}. ${program.lastWords()}`));
  });
}

function coordinatorEnv({ host, port, dataDir }, demo) {
  const env = { ...process.env, HEARTH_HOST: host, HEARTH_PORT: String(port), HEARTH_DATA_DIR: dataDir };
  return demo ? { ...env, HEARTH_CONFIG: demo.configPath } : env;
}

const agentDataDirOf = ({ dataDir }) => process.env.HEARTH_AGENT_DATA_DIR || join(dataDir, "agent");

/** The agent gets the token that lets it register, and none of the consumers' or the operator's secrets. */
function agentEnv(settings, { providerToken }) {
  const agentDataDir = agentDataDirOf(settings);
  const config = agentConfigOf(settings.dataDir, process.env);
  const env = { ...process.env, HEARTH_AGENT_DATA_DIR: agentDataDir, HEARTH_PROVIDER_TOKEN: providerToken };
  if (config !== undefined) env.HEARTH_AGENT_CONFIG = config;
  delete env.HEARTH_API_KEY;
  delete env.HEARTH_ADMIN_KEY;
  return env;
}

/** The agent first: it finishes or hands back its work while the coordinator is still there to hear of it. */
async function stopPrograms() {
  for (const program of programs.toReversed()) await program.stop();
}

/** The first signal stops, a second one no longer waits. */
function stopOrForce() {
  if (!ending.signal.aborted) return ending.abort(STOPPED);
  for (const program of programs) program.kill();
  process.exit(FORCED_EXIT_CODE);
}

// Whoever reads along may go, and its disk may fill up: what is served goes on.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

main().catch(reportFailure);
