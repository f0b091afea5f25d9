import { deadline, describeFault } from "@hearth/platform";
import type { Command } from "commander";
import type { AgentSettings } from "../../config.js";
import { AgentError } from "../../platform/agent-error.js";
import { backendCheck } from "../doctor/backend-check.js";
import type { Check, CheckResult, CheckSubject } from "../doctor/check.js";
import { clockCheck, coordinatorCheck } from "../doctor/coordinator-checks.js";
import {
  attestationCheck,
  configCheck,
  dataDirCheck,
  diskCheck,
  nodeCheck,
  serviceCheck,
  templateCheck,
} from "../doctor/local-checks.js";
import { requestCheck } from "../doctor/request-check.js";
import { runningCheck } from "../doctor/running-check.js";
import { tokenCheck } from "../doctor/token-check.js";
import { type CliContext, type Invocation, invocationOf } from "../invocation.js";
import { type Colors, columns } from "../output.js";

/** In the order in which to mend. */
const CHECKS: readonly Check[] = [
  nodeCheck,
  configCheck,
  dataDirCheck,
  diskCheck,
  tokenCheck,
  attestationCheck,
  coordinatorCheck,
  clockCheck,
  backendCheck,
  templateCheck,
  runningCheck,
  requestCheck,
  serviceCheck,
];

/** No check may take longer, ms. */
const CHECK_TIMEOUT_MS = 10_000;
/** A model may have to be loaded first, ms. */
const REQUEST_TIMEOUT_MS = 120_000;

/** `doctor`: looks for what keeps the agent from being of use. */
export function addDoctor(program: Command, context: CliContext): void {
  const command = program
    .command("doctor")
    .description("check everything that the agent needs, and say how to mend what is wrong")
    .addHelpText("after", "\nExits with 9 when a check fails; warnings do not count.")
    .action(() => examine(invocationOf(command, context)));
}

type Finding = CheckResult & { readonly id: string; readonly title: string };

async function examine(invocation: Invocation): Promise<void> {
  const { out } = invocation;
  const subject = { ...invocation, ...readSettings(invocation) };
  const findings = await Promise.all(CHECKS.map((check) => runCheck(check, subject)));
  const failed = findings.filter(({ status }) => status === "fail");
  const verdict =
    failed.length === 0
      ? "Everything that the agent needs is there."
      : `${failed.length} of ${findings.length} checks failed.`;
  out.result({ ok: failed.length === 0, checks: findings }, `${render(findings, out.colors)}\n\n${verdict}`);
  if (failed.length > 0) process.exitCode = CHECK_FAILED;
}

/** As `EXIT_CODES.check_failed`: what is wrong has been said already. */
const CHECK_FAILED = 9;

function readSettings(invocation: Invocation): Pick<CheckSubject, "settings" | "configProblem"> {
  try {
    return { settings: invocation.settings() as AgentSettings };
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    const lines = error.message.split("\n").filter((line) => line.startsWith("  - "));
    const problems = lines.map((line) => line.slice(4)).join("; ");
    return { settings: undefined, configProblem: problems || error.message };
  }
}

async function runCheck(check: Check, subject: CheckSubject): Promise<Finding> {
  const { id, title } = check;
  const timeoutMs = check === requestCheck ? REQUEST_TIMEOUT_MS : CHECK_TIMEOUT_MS;
  using limit = deadline(subject.clock, timeoutMs, subject.signal);
  try {
    return { id, title, ...(await check.run(subject, limit.signal)) };
  } catch (error) {
    const detail =
      error instanceof AgentError ? error.message : (describeFault(error).code ?? "the check itself failed");
    return { id, title, status: "fail", detail, fix: "See the message." };
  }
}

function render(findings: readonly Finding[], colors: Colors): string {
  const marks = {
    ok: colors.green("✓"),
    warn: colors.yellow("!"),
    fail: colors.red("✗"),
    skipped: colors.dim("-"),
  } as const;
  const rows = columns(findings.map(({ status, title, detail }) => [marks[status], title, detail])).split("\n");
  return findings.map((finding, i) => rows[i] + ("fix" in finding ? `\n   → ${finding.fix}` : "")).join("\n");
}
