// npm run coordinator | agent | bench | sim | chaos | demo:cluster [-- arguments]: set up, then run one of the programs from the working copy.
import "./setup/node-version.js";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { followNpm } from "./setup/follow-npm.js";
import { mergeRepeatedSignals } from "./setup/merge-repeated-signals.js";
import { ROOT } from "./setup/repository.js";
import { setUp } from "./setup/set-up.js";
import { reportFailure, SetUpError } from "./setup/set-up-error.js";

const PROGRAMS = {
  coordinator: "coordinator/dist/main.js",
  agent: "provider-agent/dist/main.js",
  bench: "testbed/dist/bench/main.js",
  sim: "testbed/dist/sim/main.js",
  chaos: "testbed/dist/chaos/main.js",
  demo: "testbed/dist/demo/main.js",
};

const [name, ...programArguments] = process.argv.slice(2);

try {
  if (!Object.hasOwn(PROGRAMS, name ?? "")) {
    throw new SetUpError(`Usage: node scripts/run.mjs ${Object.keys(PROGRAMS).join("|")} [arguments]`);
  }
  setUp();
  mergeRepeatedSignals();
  followNpm();
  // The program runs in this very process, so that its signals, its exit code and its process id are its own.
  const program = join(ROOT, PROGRAMS[name]);
  process.argv = [process.execPath, program, ...programArguments];
  await import(pathToFileURL(program).href);
} catch (error) {
  reportFailure(error);
}
