import type { Finding } from "@hearth/attestation";
import type { Command } from "commander";
import { describeReadFault, readBounded } from "../../config/read-bounded.js";
import { AgentError, EXIT_CODES } from "../../platform/agent-error.js";
import { type CliContext, type Invocation, invocationOf } from "../invocation.js";
import type { Colors } from "../output.js";

/** No proof is larger, bytes. */
const MAX_FILE_BYTES = 4 << 20;

/** `attest …`: what machines prove. */
export function addAttest(program: Command, context: CliContext): void {
  const attest = program.command("attest").description("what this machine proves, and what others have proved");
  const show = attest
    .command("show")
    .description("print what this machine proves to a coordinator")
    .option("-n, --name <name>", "name of the agent")
    .action((flags: { readonly name?: string }) => showProof(invocationOf(show, context), flags));
  const verify = attest
    .command("verify")
    .description("verify a receipt or an attestation offline")
    .argument("<file>", "as the coordinator gives it out, JSON; - for standard input")
    .addHelpText("after", "\nExits with 9 when it does not hold.")
    .action((file: string) => verifyFile(invocationOf(verify, context), file));
}

async function showProof(invocation: Invocation, { name }: { readonly name?: string }): Promise<void> {
  const settings = invocation.settings(name === undefined ? {} : { name });
  const proof = await (await invocation.ports.attest()).show(settings);
  invocation.out.result(proof, JSON.stringify(proof, undefined, 2));
}

async function verifyFile({ out, ports }: Invocation, file: string): Promise<void> {
  const findings = (await ports.attest()).verify(readProof(file));
  const valid = findings.every((finding) => finding.valid);
  out.result(
    { valid, findings },
    findings.length === 0 ? "It lists nobody." : findings.map((each) => render(each, out.colors)).join("\n\n"),
  );
  if (!valid) process.exitCode = EXIT_CODES.check_failed;
}

function render({ subject, id, valid, checks, receipt, posture }: Finding, { green, red }: Colors): string {
  const mark = (holds: boolean): string => (holds ? green("✓") : red("✗"));
  const lines = checks.map(({ claim, holds }) => `  ${mark(holds)} ${claim}`);
  const facts = [
    ...(receipt === undefined ? [] : [`  model ${receipt.model}, ${receipt.usage.completion_tokens} tokens written`]),
    ...(posture === undefined ? [] : [`  ${posture.posture.chip ?? "unknown chip"}, ${posture.posture.os_version}`]),
  ];
  return [`${mark(valid)} ${subject} ${id}`, ...lines, ...facts].join("\n");
}

function readProof(file: string): unknown {
  let bytes: Buffer;
  try {
    bytes = readBounded(file, MAX_FILE_BYTES);
  } catch (cause) {
    throw new AgentError("config_invalid", `${file} cannot be read: ${describeReadFault(cause)}.`, { cause });
  }
  if (bytes.length > MAX_FILE_BYTES) throw new AgentError("config_invalid", `${file} is too large to be a proof.`);
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch (cause) {
    throw new AgentError("config_invalid", `${file} is no JSON.`, { cause });
  }
}
