import type { Command } from "commander";
import { describeReadFault, readBounded } from "../../config/read-bounded.js";
import type { LoginResult } from "../../enrol/login.js";
import { AgentError } from "../../platform/agent-error.js";
import { type CliContext, type Invocation, invocationOf } from "../invocation.js";

interface LoginFlags {
  readonly coordinator?: string;
  readonly name?: string;
  readonly insecure?: boolean;
  readonly tokenFile?: string;
  readonly enrolmentToken?: boolean;
}

/** What can be typed at once. */
const MAX_TOKEN = 1_024;
/** With the blanks that may stand around it, bytes. */
const MAX_TOKEN_FILE_BYTES = 4 * MAX_TOKEN;

/** `login`, `logout`: this machine's own token. */
export function addLogin(program: Command, context: CliContext): void {
  const login = program
    .command("login")
    .description("have this machine accepted by a coordinator: shows a code that you approve in a browser")
    .option("-c, --coordinator <url>", "WebSocket URL of the coordinator [env: HEARTH_COORDINATOR]")
    .option("-n, --name <name>", "name of the agent")
    .option("--enrolment-token", "use the one-use token in HEARTH_ENROLMENT_TOKEN, with nobody at the machine")
    .option("--token-file <file>", "use the one-use token in this file, or - for standard input")
    .option("--insecure", "let the machine's token travel unencrypted, on a network that you trust")
    .action((flags: LoginFlags) => logIn(invocationOf(login, context), flags));
  const logout = program
    .command("logout")
    .description("end this machine's token, here and at the coordinator")
    .option("-c, --coordinator <url>", "WebSocket URL of the coordinator [env: HEARTH_COORDINATOR]")
    .option("-n, --name <name>", "name of the agent")
    .option("--insecure", "let the machine's token travel unencrypted, on a network that you trust")
    .action((flags: LoginFlags) => logOut(invocationOf(logout, context), flags));
}

async function logIn(invocation: Invocation, flags: LoginFlags): Promise<void> {
  const { out, signal, env, ports } = invocation;
  const request = { settings: settingsOf(invocation, flags), insecure: flags.insecure ?? false };
  const token = oneUseToken(flags, env);
  const show = (code: string, url: string): void => {
    const text = `Open ${out.colors.cyan(url)}\nand compare the code: ${out.colors.bold(code)}\nWaiting for your approval …\n`;
    // One document on stdout is the result: what has to be shown before it goes beside.
    invocation.stderr.write(out.json ? `${JSON.stringify({ user_code: code, verification_uri: url })}\n` : text);
  };
  const enrol = await ports.enrol();
  const result = await (token === undefined
    ? enrol.login(request, show, signal)
    : enrol.redeem(request, token, signal));
  const { machineId, account } = issued(result);
  const [coordinator] = request.settings.coordinators;
  out.result(
    { coordinator, machine_id: machineId, account },
    `This machine (${machineId}) belongs to ${account} at ${coordinator} now.`,
  );
  out.say("Next: hearth-agent serve, or hearth-agent start to run it in the background");
}

function settingsOf(invocation: Invocation, { coordinator, name }: LoginFlags) {
  return invocation.settings({ ...(coordinator && { coordinator }), ...(name && { name }) });
}

function oneUseToken({ tokenFile, enrolmentToken }: LoginFlags, env: Invocation["env"]): string | undefined {
  if (tokenFile === undefined && !enrolmentToken) return undefined;
  const token = (tokenFile === undefined ? env["HEARTH_ENROLMENT_TOKEN"] : readToken(tokenFile))?.trim() ?? "";
  if (token !== "" && token.length <= MAX_TOKEN) return token;
  const where = tokenFile === "-" ? "Standard input" : (tokenFile ?? "HEARTH_ENROLMENT_TOKEN");
  throw new AgentError("config_invalid", `${where} holds no enrolment token.`);
}

function readToken(path: string): string {
  try {
    return readBounded(path, MAX_TOKEN_FILE_BYTES).toString("utf8");
  } catch (cause) {
    throw new AgentError("config_invalid", `${path} cannot be read: ${describeReadFault(cause)}.`, { cause });
  }
}

function issued(result: LoginResult): Extract<LoginResult, { type: "issued" }>["machine"] {
  switch (result.type) {
    case "issued":
      return result.machine;
    case "denied":
      throw new AgentError("unauthorized", `The request was denied: ${result.problem}`);
    case "expired":
      throw new AgentError("unauthorized", "Nobody approved in time. Run 'hearth-agent login' again.");
    case "refused":
      throw new AgentError("unauthorized", result.problem);
    case "unreachable":
      throw new AgentError("unreachable", result.problem);
    case "cancelled":
      throw new AgentError("cancelled", "Cancelled.");
  }
}

async function logOut(invocation: Invocation, flags: LoginFlags): Promise<void> {
  const { out, signal, ports } = invocation;
  const settings = settingsOf(invocation, flags);
  const result = await (await ports.enrol()).logout({ settings, insecure: flags.insecure ?? false }, signal);
  const hadPasted = ports.tokens.remove(settings.dataDir);
  switch (result.type) {
    case "logged_out":
      return out.result({ logged_out: true }, "Logged out.");
    case "not_logged_in":
      return out.result(
        { logged_out: hadPasted },
        hadPasted ? "The kept token is removed." : "This machine is not logged in.",
      );
    case "logged_out_here":
      out.warn(`The coordinator could not be told: revoke machine ${result.machineId} there.`);
      return out.result({ logged_out: true, told_coordinator: false }, "Logged out here.");
  }
}
