import type { Command } from "commander";
import { EXIT_CODES } from "../../platform/agent-error.js";
import { type CliContext, type Invocation, invocationOf } from "../invocation.js";
import { columns } from "../output.js";
import type { BackendReport, TemplateReport } from "../ports.js";
import { type Progress, startProgress } from "../progress.js";

/** `models …`: what this machine has and serves. */
export function addModels(program: Command, context: CliContext): void {
  const models = program.command("models").description("the models on this machine");
  const list = models
    .command("list")
    .description("list what the configured backends serve")
    .action(() => listServed(invocationOf(list, context)));
  const scan = models
    .command("scan")
    .description("look for model files in models.dirs and where the usual programs keep them")
    .action(() => scanFiles(invocationOf(scan, context)));
  const hash = models
    .command("hash")
    .description("compute the SHA-256 of a model's weights, by which the coordinator knows them")
    .argument("<model>", "path, or id as 'models scan' prints it")
    .action((model: string) => hashWeights(invocationOf(hash, context), model));
  const check = models
    .command("check")
    .description("try every chat template that models ship, and ask the servers that have them loaded")
    .argument("[model...]", "paths or ids; all that are found or served without")
    .addHelpText(
      "after",
      "\nWhat a server refuses is proven, and keeps requests away. What only the agent's own renderer fails on is a " +
        "suspicion, with template, fixture and line, and keeps nobody away." +
        "\nExits with 9 when a server refuses every conversation, or a file that was named cannot be read.",
    )
    .action((names: readonly string[]) => checkTemplates(invocationOf(check, context), names));
}

async function listServed(invocation: Invocation): Promise<void> {
  const { out, ports, signal } = invocation;
  const reports = await ports.probeBackends(invocation.settings(), signal);
  const problems = problemsOf(reports);
  for (const { backend, problem } of problems) out.warn(`${backend}: ${problem}`);
  const rows = reports.flatMap(({ name, models }) => models.map((id) => [id, name]));
  const heading = ["Model", "Backend"].map(out.colors.dim);
  out.result(
    { models: rows.map(([id, backend]) => ({ id, backend })), problems },
    rows.length === 0 ? "No backend serves a model." : columns([heading, ...rows]),
  );
}

function problemsOf(
  reports: readonly BackendReport[],
): readonly { readonly backend: string; readonly problem: string }[] {
  return reports.flatMap(({ name: backend, problem, missing }) => [
    ...(problem === undefined ? [] : [{ backend, problem }]),
    ...missing.map((id) => ({ backend, problem: `it does not have ${id}` })),
  ]);
}

async function scanFiles(invocation: Invocation): Promise<void> {
  const { out, signal } = invocation;
  const { models, problems } = await (await invocation.ports.models()).scan(invocation.settings(), signal);
  for (const { path, problem } of problems) out.warn(`${path}: ${problem}`);
  const heading = ["Model", "Size", "What", "Weights", "Path"].map(out.colors.dim);
  const rows = models.map(({ id, sizeBytes, detail, weightsHash, path }) => [
    id,
    `${(sizeBytes / 2 ** 30).toFixed(2)} GiB`,
    detail,
    weightsHash?.slice(0, 12) ?? "-",
    path,
  ]);
  const text =
    rows.length === 0 ? "No model files were found: name folders in models.dirs." : columns([heading, ...rows]);
  out.result({ models, problems }, text);
}

async function hashWeights(invocation: Invocation, model: string): Promise<void> {
  const { out, signal } = invocation;
  using progress: Progress = startProgress(invocation, "Hashing");
  const { path, sha256 } = await (await invocation.ports.models()).hash(invocation.settings(), model, {
    progress: (share) => progress.report(share),
    signal,
  });
  progress.clear();
  out.result({ path, sha256 }, `${sha256}  ${path}`);
}

async function checkTemplates(invocation: Invocation, names: readonly string[]): Promise<void> {
  const { out, signal } = invocation;
  const reports = await (await invocation.ports.models()).check(invocation.settings(), names, signal);
  const text =
    reports.length === 0 ? "No model files were found." : reports.map((each) => render(each, out)).join("\n");
  out.result({ models: reports }, text);
  // What was named has to be a model; of what was found, some files may not be.
  const isUnreadable = ({ verdict }: TemplateReport): boolean => verdict === "unreadable";
  const failed = reports.some((each) => each.ok === false || (names.length > 0 && isUnreadable(each)));
  if (failed) process.exitCode = EXIT_CODES.check_failed;
}

function render(report: TemplateReport, { colors }: Invocation["out"]): string {
  const { id, verdict, problems } = report;
  const marks = {
    rendered: colors.green("✓"),
    passed: colors.green("✓"),
    refused: colors.red("✗"),
    suspected: colors.yellow("?"),
    unknown: colors.dim("-"),
    unreadable: colors.dim("-"),
  } as const;
  const lines = [...said(report), ...facts(report), ...problems];
  return [`${marks[verdict]} ${id}`, ...lines.map((line) => `    ${line}`)].join("\n");
}

function said({ verdict, server = "its server", problems }: TemplateReport): readonly string[] {
  switch (verdict) {
    case "rendered":
      return [`proven: ${server} renders it`];
    case "refused":
      return [`proven: ${server} refuses every conversation, and no requests come for it`];
    case "passed":
      return ["the agent's own renderer renders it; no server was there to say so"];
    case "suspected":
      return ["suspicion: the agent's own renderer fails, no server has said so, and requests come for it"];
    case "unknown":
      return problems.length > 0 ? [] : ["not known: no chat template, or nothing to tell by"];
    case "unreadable":
      return [];
  }
}

function facts({ needs_string_types, system_anywhere }: TemplateReport): readonly string[] {
  return [
    ...(needs_string_types === undefined ? [] : [`needs_string_types: ${needs_string_types ? "yes" : "no"}`]),
    ...(system_anywhere === undefined ? [] : [`system_anywhere: ${system_anywhere ? "yes" : "no"}`]),
  ];
}
