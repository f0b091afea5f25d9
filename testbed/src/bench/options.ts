import { parseArgs } from "node:util";
import type { FleetOptions } from "./fleet.js";
import type { ProfileOptions } from "./profile.js";
import { TARGETS, type TargetName, usualTargets } from "./targets.js";

/** What the command line asks for. */
export type Options =
  | { readonly command: "help" }
  | { readonly command: "crypto" | "tool-schema" | "worst-bodies" | "store" | "ledger" }
  | { readonly command: "selection" | "features" | "watching"; readonly quick: boolean }
  | ({ readonly command: "fleet" } & FleetOptions)
  | ({ readonly command: "profile" } & ProfileOptions)
  | ({ readonly command: "allocation" } & Omit<ProfileOptions, "keep">)
  | {
      readonly command: "run";
      readonly quick: boolean;
      readonly json: string | undefined;
      readonly targets: readonly TargetName[];
      /** A file of what was recorded, which the run is held against. */
      readonly hold: string | undefined;
      /** A file to write the ratios of this run into. */
      readonly record: string | undefined;
    };

/** Further ones would share their ports and addresses on this machine. */
const MAX_PROVIDERS = 25_000;

export const USAGE: string = `npm run bench -- [--quick] [--json FILE] [--targets ${TARGETS.join(",")}]
                       [--hold FILE] [--record FILE]
                                     beside two floors; held against what an earlier run has recorded
npm run bench -- [--quick] features  what each feature costs: Hearth with it on and off, in turns
npm run bench -- [--quick] watching  what the open page and the collection of metrics cost while 200 streams run
npm run bench -- crypto              CPU of the encryption, node:crypto against noble
npm run bench -- tool-schema         CPU of the repair of tool schemas
npm run bench -- [--quick] selection CPU of a pick, by the providers of its model and by all others
npm run bench -- fleet [--providers N] [--profile]
                                     what N idle providers cost (10,000 unless said), and the restart under them, with
                                     where its CPU goes
npm run bench -- worst-bodies        how long the worst bodies hold the coordinator's event loop
npm run bench -- store               durable inserts of the store beside those of libsql itself
npm run bench -- ledger              what money adds to a request, durably, on SQLite and PostgreSQL
npm run bench -- profile [--agent] [--stream] [--keep FILE]
                                     where the CPU of the coordinator, or of the agent, goes at concurrency 32
npm run bench -- allocation [--agent] [--stream]
                                     what either allocates for a request, and where

Another gateway of this machine is measured beside the others where PEER_URL says that there is one (as
http://127.0.0.1:PORT/v1), with PEER_HEADERS (a JSON object; {upstream} in it stands for the stub's base URL) and
PEER_PID, whose CPU is counted.`;

/** @throws Error that says what is wrong with the command line */
export function readOptions(argv: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      quick: { type: "boolean", default: false },
      json: { type: "string" },
      hold: { type: "string" },
      record: { type: "string" },
      targets: { type: "string" },
      stream: { type: "boolean", default: false },
      agent: { type: "boolean", default: false },
      keep: { type: "string" },
      providers: { type: "string", default: "10000" },
      profile: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return { command: "help" };
  const [command = "run"] = positionals;
  const program = values.agent ? "agent" : "coordinator";
  switch (command) {
    case "run":
      return {
        ...{ command, quick: values.quick, json: values.json, hold: values.hold, record: values.record },
        targets: values.targets?.split(",").map(targetName) ?? usualTargets(process.env),
      };
    case "crypto":
    case "tool-schema":
    case "worst-bodies":
    case "store":
    case "ledger":
      return { command };
    case "fleet":
      return { command, providers: providersOf(values.providers), profile: values.profile };
    case "selection":
    case "features":
    case "watching":
      return { command, quick: values.quick };
    case "profile":
      return { command, program, stream: values.stream, keep: values.keep };
    case "allocation":
      return { command, program, stream: values.stream };
  }
  throw new Error(`No such command: ${command}\n${USAGE}`);
}

function providersOf(text: string): number {
  const providers = Number(text);
  if (Number.isInteger(providers) && providers >= 1 && providers <= MAX_PROVIDERS) return providers;
  throw new Error(`--providers takes a whole number from 1 to ${MAX_PROVIDERS}, not ${text}\n${USAGE}`);
}

function targetName(text: string): TargetName {
  const found = TARGETS.find((name) => name === text);
  if (found === undefined) throw new Error(`No such target: ${text}\n${USAGE}`);
  return found;
}
