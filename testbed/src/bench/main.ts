import { readFileSync, writeFileSync } from "node:fs";
import { allocationOf } from "./allocation.js";
import { findCores } from "./cores.js";
import { benchCrypto } from "./crypto.js";
import { benchFeatures } from "./features.js";
import { benchFleet } from "./fleet.js";
import { findInstructionCounter } from "./instructions.js";
import { benchLedger } from "./ledger.js";
import { benchWorstBodies } from "./measure-worst-bodies.js";
import { type Options, readOptions, USAGE } from "./options.js";
import { FULL_PLAN, QUICK_PLAN } from "./plan.js";
import { profileHearth } from "./profile.js";
import { benchProofs } from "./proofs.js";
import { type Held, hold, ratiosOf, readRecorded } from "./recorded.js";
import { report } from "./report.js";
import { toJson } from "./results.js";
import { type Bench, runBench } from "./run.js";
import { benchSelection } from "./selection.js";
import { Processes } from "./spawn.js";
import { benchStore } from "./store.js";
import { benchToolSchema } from "./tool-schema.js";
import { benchWatching } from "./watching.js";

// The exit handlers of what is running end every process and remove every file of the bench.
process.on("SIGINT", () => process.exit(130));
process.on("SIGTERM", () => process.exit(143));

/** A PostgreSQL as Debian sets it up and trusts this machine; the tests look for one here as well. */
const TEST_DATABASE = process.env["HEARTH_TEST_DATABASE_URL"] ?? "postgres://postgres@127.0.0.1:5432/postgres";

try {
  await execute(readOptions(process.argv.slice(2)));
  process.exit(0);
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}

async function execute(options: Options): Promise<void> {
  switch (options.command) {
    case "help":
      return console.log(USAGE);
    case "crypto":
      benchCrypto(console.log);
      return benchProofs(console.log);
    case "tool-schema":
      return benchToolSchema(console.log);
    case "selection":
      return benchSelection(console.log, options.quick);
    case "features":
      return console.log(
        await benchFeatures({ ...surroundings(), instructions: findInstructionCounter() }, options.quick),
      );
    case "watching":
      return console.log(await benchWatching(surroundings(), options.quick));
    case "worst-bodies":
      return console.log(await benchWorstBodies(surroundings()));
    case "fleet":
      return console.log(await benchFleet(surroundings(), options));
    case "store":
      return console.log(await benchStore(TEST_DATABASE, surroundings().progress));
    case "ledger":
      return console.log(await benchLedger(TEST_DATABASE, surroundings().progress));
    case "allocation":
      return console.log(await allocationOf(surroundings(), options));
    case "profile":
      return console.log(await profileHearth(surroundings(), options));
    case "run":
      return await runAndReport(options);
  }
}

function surroundings(): Pick<Bench, "cores" | "processes" | "progress"> {
  const cores = findCores();
  // Tables go to standard output, everything else to standard error.
  return { cores, processes: new Processes(cores), progress: (text) => console.error(`bench: ${text}`) };
}

async function runAndReport(options: Extract<Options, { command: "run" }>): Promise<void> {
  const plan = options.quick ? QUICK_PLAN : FULL_PLAN;
  // Read first: nobody should wait a minute to hear that a file is missing.
  const recorded = options.hold === undefined ? undefined : readRecorded(readFileSync(options.hold, "utf8"));
  const instructions = findInstructionCounter();
  const bench = { ...surroundings(), instructions, plan, targets: options.targets, recorded };
  const results = await runBench(bench);
  await bench.processes.stopAll();
  console.log(report(results));
  if (options.json !== undefined) writeFileSync(options.json, toJson(results));
  if (options.record !== undefined) writeFileSync(options.record, `${JSON.stringify(ratiosOf(results), null, 2)}\n`);
  if (recorded !== undefined) holdOrFail(hold(results, recorded));
}

/** @throws Error when something has become too slow */
function holdOrFail(held: readonly Held[]): void {
  console.log(
    `\n## Against what was recorded\n\n${held.map(({ isOver, text }) => `- **${isOver ? "over" : "held"}**: ${text}`).join("\n")}`,
  );
  const over = held.filter(({ isOver }) => isOver);
  if (over.length > 0) throw new Error(`slower than recorded: ${over.map(({ text }) => text).join("; ")}`);
}
