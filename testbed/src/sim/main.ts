import { parseArgs } from "node:util";
import { drawScenario } from "./draw-scenario.js";
import { type RunResult, runScenario } from "./run-scenario.js";
import { describeScenario, shrink } from "./shrink.js";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "2000" },
    seed: { type: "string", default: "1" },
  },
});

const first = Number(values.seed);
const count = Number(values.seeds);

let events = 0;
let ran = 0;
const startedAt = process.cpuUsage();
for (let seed = first; seed < first + count; seed++) {
  const result = await runScenario(drawScenario(seed));
  events += result.events;
  ran += 1;
  if (result.violation !== undefined) {
    await explain(seed, result);
    process.exitCode = 1;
    break;
  }
}
const { user, system } = process.cpuUsage(startedAt);
const seconds = (user + system) / 1e6;
const perMinute = Math.round((ran / seconds) * 60);
console.log(
  `${ran} seeds from ${first}, ${events} events, ${seconds.toFixed(1)} s of CPU: ${perMinute} seeds/min on one core`,
);

async function explain(seed: number, { violation }: RunResult): Promise<void> {
  if (violation === undefined) return;
  console.log(`seed ${seed} breaks "${violation.invariant}": ${violation.problem}`);
  const smallest = await shrink(drawScenario(seed), violation.invariant);
  const { trace, violation: left } = await runScenario(smallest, { traced: true });
  console.log(describeScenario(smallest));
  console.log(trace.join("\n"));
  console.log(`${"".padStart(13)}"${left?.invariant}": ${left?.problem}`);
}
