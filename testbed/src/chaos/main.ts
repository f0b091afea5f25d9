import { parseArgs } from "node:util";
import { FORBIDDEN } from "./marked-load.js";
import { FAULTS, SUDDEN_FAULTS } from "./marking-backend.js";
import { type ChaosResult, runChaos } from "./run-chaos.js";

const USAGE = `npm run chaos -- [--requests 20000] [--seconds 60] [--faults 0.02] [--hangs] [--machines 4] [--concurrency 32] [--seed S]

--hangs  backends also hang before their first piece and stall between two: takes the time of every deadline`;

const { values } = parseArgs({
  options: {
    requests: { type: "string", default: "20000" },
    seconds: { type: "string", default: "60" },
    faults: { type: "string", default: "0.02" },
    machines: { type: "string", default: "4" },
    concurrency: { type: "string", default: "32" },
    hangs: { type: "boolean", default: false },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    help: { type: "boolean", default: false },
  },
});

if (values.help) console.log(USAGE);
else await main();

async function main(): Promise<void> {
  const seed = Number(values.seed);
  console.log(`seed ${seed}`);
  const result = await runChaos({
    seed,
    requests: Number(values.requests),
    seconds: Number(values.seconds),
    faultShare: Number(values.faults),
    faults: values.hangs ? FAULTS : SUDDEN_FAULTS,
    machines: Number(values.machines),
    concurrency: Number(values.concurrency),
    report: (problem) => console.log(problem),
  });
  print(result);
  if (problemsOf(result).length > 0) process.exitCode = 1;
}

function print(result: ChaosResult): void {
  const { before, after } = result;
  const list = (counts: Iterable<readonly [string, number]>): string =>
    [...counts].map(([name, count]) => `${name} ${count}`).join(", ");
  console.log(`consumers saw: ${list(Object.entries(result.tally))}`);
  console.log(`backends failed: ${list(result.faults)}`);
  console.log(`machines and networks: ${list(result.troubles)}`);
  console.log(`descriptors: ${before.descriptors ?? "not known"} → ${after.descriptors ?? "not known"}`);
  console.log(`heap: ${mib(before.heapBytes)} → ${mib(after.heapBytes)}, slots taken at the end: ${after.slots}`);
  for (const problem of problemsOf(result)) console.log(`PROBLEM: ${problem}`);
}

function problemsOf({ tally, before, after }: ChaosResult): readonly string[] {
  const problems: string[] = FORBIDDEN.filter((sight) => tally[sight] > 0).map((sight) => `${tally[sight]} ${sight}`);
  if (after.slots > 0) problems.push(`${after.slots} slots leaked`);
  if ((after.descriptors ?? 0) > (before.descriptors ?? 0)) problems.push("descriptors leaked");
  return problems;
}

function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
