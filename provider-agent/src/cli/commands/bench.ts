import type { Command } from "commander";
import type { ModelBench } from "../../bench/run-bench.js";
import { EXIT_CODES } from "../../platform/agent-error.js";
import { type CliContext, type Invocation, invocationOf } from "../invocation.js";
import { columns } from "../output.js";
import { startProgress } from "../progress.js";

/** `bench`: how fast the backends are. */
export function addBench(program: Command, context: CliContext): void {
  const command = program
    .command("bench")
    .description("measure prefill and decode speed and time to first token; kept, and told to the coordinator")
    .option("-m, --model <id>", "only this model (repeatable)", (id: string, earlier: string[] = []) => [
      ...earlier,
      id,
    ])
    .addHelpText("after", "\nExits with 9 when nothing could be measured.")
    .action((flags: { readonly model?: readonly string[] }) =>
      measure(invocationOf(command, context), flags.model ?? []),
    );
}

async function measure(invocation: Invocation, models: readonly string[]): Promise<void> {
  const { out, ports, signal } = invocation;
  using progress = startProgress(invocation, "Measuring");
  const report = (share: number, what: string): void => progress.report(share, what);
  const results = await (await ports.bench()).run(invocation.settings(), { models, progress: report }, signal);
  progress.clear();
  const failed = results.filter(({ findings }) => findings.type === "failed" || findings.problem !== undefined);
  for (const { model, findings } of failed) out.warn(`${model}: ${findings.problem}`);
  const heading = ["Model", "Backend", "Prefill tokens/s", "Decode tokens/s", "First token"].map(out.colors.dim);
  const rows = results.map(rowOf);
  out.result({ results }, rows.length === 0 ? "No backend serves a model." : columns([heading, ...rows]));
  if (results.every(({ findings }) => findings.type === "failed")) process.exitCode = EXIT_CODES.check_failed;
}

function rowOf({ model, backend, findings }: ModelBench): readonly string[] {
  if (findings.type === "failed") return [model, backend || "-", "-", "-", "-"];
  const { prefillTps, decodeTps, firstToken } = findings.figures;
  const rate = (spread: { readonly median: number } | undefined): string => spread?.median.toFixed(1) ?? "-";
  const first = firstToken.map(({ promptTokens, ms }) => `${Math.round(ms.median)} ms at ${promptTokens}`).join(", ");
  return [model, backend, rate(prefillTps), rate(decodeTps), first || "-"];
}
