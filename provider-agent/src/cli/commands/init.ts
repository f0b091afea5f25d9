import { hostname } from "node:os";
import { deadline } from "@hearth/platform";
import type { Command } from "commander";
import { loadConfig, readConfigText, writeConfig } from "../../config/config-file.js";
import { platformPaths } from "../../config/config-path.js";
import { type InitialConfig, renderConfig } from "../../config/render-config.js";
import { wsUrl } from "../../config/schema.js";
import { badToken, type TokenPlace } from "../../config.js";
import { AgentError } from "../../platform/agent-error.js";
import { type CliContext, type Invocation, invocationOf } from "../invocation.js";
import type { FoundBackend, MachineSummary } from "../ports.js";

interface InitFlags {
  readonly yes?: boolean;
  readonly force?: boolean;
  readonly coordinator?: string;
  readonly name?: string;
  readonly ownerOnly?: boolean;
}

const LOCAL_COORDINATOR = "ws://127.0.0.1:8080/ws/provider";
/** Servers on this machine answer sooner, ms. */
const DETECT_TIMEOUT_MS = 3_000;
const GIB = 2 ** 30;

/** `init`: makes the configuration file. */
export function addInit(program: Command, context: CliContext): void {
  const command = program
    .command("init")
    .description("look at this machine, ask what is needed, and write the configuration file")
    .option("-y, --yes", "ask nothing: flags, environment and what is found decide")
    .option("--force", "replace a configuration file that is there (a backup stays)")
    .option("-c, --coordinator <url>", "WebSocket URL of the coordinator [env: HEARTH_COORDINATOR]")
    .option("-n, --name <name>", "name of this agent (default: the machine's)")
    .option("--owner-only", "serve only your own requests")
    .addHelpText(
      "after",
      "\nWith --yes, the provider token is taken from HEARTH_PROVIDER_TOKEN and kept; without it, run 'hearth-agent login' next.",
    )
    .action((flags: InitFlags) => initialise(invocationOf(command, context), flags));
}

async function initialise(invocation: Invocation, flags: InitFlags): Promise<void> {
  const { stdin, out, prompter, configPath } = invocation;
  const asks = !flags.yes && !out.json;
  if (asks && stdin.isTTY !== true) {
    throw new AgentError(
      "config_invalid",
      "There is no terminal to ask questions in: use 'hearth-agent init --yes', with --coordinator <url>.",
    );
  }
  if (asks) await prompter.intro("Lend this machine to a Hearth coordinator");
  const isReplacing = await mayWrite(invocation, flags, asks);
  const { machine, found } = await lookAround(invocation);
  if (asks) await prompter.note(describeFindings(machine, found), "This machine");
  const answers = asks ? await ask(invocation, flags, found) : decide(invocation, flags, found);
  const text = renderConfig(answers);
  const read = readConfigText(text);
  if (read.type === "invalid") {
    throw new AgentError("config_invalid", read.problems.map(({ key, problem }) => `${key}: ${problem}`).join("\n"));
  }
  const place = { dataDir: dataDirOf(invocation.env), name: answers.name, coordinator: answers.coordinators[0] ?? "" };
  const token = await tokenFor(invocation, asks, place);
  writeConfig(configPath, text, isReplacing ? "backup" : "nothing");
  const hasToken = keepToken(invocation, place, token);
  const next = hasToken ? ["hearth-agent serve"] : ["hearth-agent login", "hearth-agent serve"];
  if (asks) return prompter.outro(`Wrote ${configPath}. Next: ${next.join(", then ")}`);
  out.result(
    {
      config: configPath,
      machine,
      backends: answers.backends,
      coordinators: answers.coordinators,
      token: hasToken,
      next,
    },
    `Wrote ${configPath}.\n${describeFindings(machine, found)}\nNext: ${next.join(", then ")}`,
  );
}

/** @returns whether there is a file that will be replaced */
async function mayWrite({ configPath, prompter }: Invocation, { force }: InitFlags, asks: boolean): Promise<boolean> {
  if (loadConfig(configPath).type === "absent") return false;
  if (force) return true;
  if (!asks) {
    throw new AgentError("config_invalid", `${configPath} is there already. Replace it with --force; a backup stays.`);
  }
  if (await prompter.confirm(`${configPath} is there already. Replace it? A backup stays.`, false)) return true;
  throw new AgentError("cancelled", "Nothing was changed.");
}

interface Findings {
  readonly machine: MachineSummary;
  readonly found: readonly FoundBackend[];
}

async function lookAround({ ports, clock, signal }: Invocation): Promise<Findings> {
  using limit = deadline(clock, DETECT_TIMEOUT_MS, signal);
  const [machine, found] = await Promise.all([ports.describeMachine(), ports.detectBackends(limit.signal)]);
  return { machine, found };
}

function describeFindings({ chip, cores, memoryBytes }: MachineSummary, found: readonly FoundBackend[]): string {
  const servers = found.map(({ kind, url, models }) => `${kind} at ${url}: ${listed(models)}`);
  const none = ["No model server answers on the usual ports; the embedded engine will be tried."];
  const machine = `${chip}, ${cores} cores, ${Math.round(memoryBytes / GIB)} GiB of memory`;
  return [machine, ...(servers.length === 0 ? none : servers)].join("\n");
}

function listed(models: readonly string[]): string {
  if (models.length === 0) return "no models yet";
  const more = models.length > 3 ? ` and ${models.length - 3} more` : "";
  return models.slice(0, 3).join(", ") + more;
}

function entriesOf(found: readonly FoundBackend[]): InitialConfig["backends"] {
  return found.map(({ kind, url }) => ({ kind, url }));
}

/** What holds where nothing is asked. */
function decide({ env }: Invocation, flags: InitFlags, found: readonly FoundBackend[]): InitialConfig {
  return {
    name: flags.name ?? defaultName(),
    coordinators: [flags.coordinator ?? (env["HEARTH_COORDINATOR"] || LOCAL_COORDINATOR)],
    backends: entriesOf(found),
    sharing: flags.ownerOnly ? "owner_only" : "everyone",
  };
}

/** Asks for what neither flags nor what was found decide. */
async function ask(invocation: Invocation, flags: InitFlags, found: readonly FoundBackend[]): Promise<InitialConfig> {
  const { prompter } = invocation;
  const decided = decide(invocation, flags, found);
  const suggestion = decided.coordinators[0] ?? LOCAL_COORDINATOR;
  const check = (answer: string): string | undefined => wsUrl.safeParse(providerUrl(answer)).error?.issues[0]?.message;
  const coordinator =
    flags.coordinator ?? providerUrl(await prompter.text("Which coordinator? (its address)", { suggestion, check }));
  const choices = found.map(({ kind, url, models }) => ({
    value: url,
    label: `${kind} at ${url}`,
    hint: listed(models),
  }));
  const urls = found.length > 1 ? await prompter.selectMany("Which of these servers may be lent?", choices) : undefined;
  const chosen = urls === undefined ? found : found.filter(({ url }) => urls.includes(url));
  return { ...decided, coordinators: [coordinator], backends: entriesOf(chosen) };
}

/** What people type of a coordinator's address, completed: its host alone, or the address of its pages, will do. */
export function providerUrl(answer: string): string {
  const typed = answer.trim();
  const isHost = /^[\w.-]+\.[a-z]{2,}(:\d{1,5})?$/i.test(typed);
  const url = isHost ? `wss://${typed}` : typed.replace(/^http(s?):/i, "ws$1:");
  return /^wss?:\/\/[^/]+\/?$/i.test(url) ? `${url.replace(/\/$/, "")}/ws/provider` : url;
}

/** The token to keep, if one is given. */
async function tokenFor(
  { prompter, env, ports }: Invocation,
  asks: boolean,
  place: TokenPlace,
): Promise<string | undefined> {
  const ofShell = env["HEARTH_PROVIDER_TOKEN"] || undefined;
  if (!asks || ofShell !== undefined || ports.tokens.read(place) !== undefined) return ofShell;
  const way = await prompter.select("How does the coordinator know that this machine is yours?", [
    { value: "later", label: "I log in next", hint: "hearth-agent login shows a code that I approve in a browser" },
    { value: "paste", label: "I have a provider token", hint: "kept for you only, in the data directory" },
  ]);
  if (way === "later") return undefined;
  return prompter.secret("The provider token", badToken);
}

/** @returns whether there is a token now */
function keepToken({ ports }: Invocation, place: TokenPlace, token: string | undefined): boolean {
  if (token !== undefined) ports.tokens.write(place.dataDir, token);
  return token !== undefined || ports.tokens.read(place) !== undefined;
}

const dataDirOf = (env: Invocation["env"]): string => env["HEARTH_AGENT_DATA_DIR"] || platformPaths().data;

/** The machine's own name, without its domain, as far as a name may go. */
function defaultName(): string {
  return hostname().split(".")[0]?.slice(0, 64) || "default";
}
