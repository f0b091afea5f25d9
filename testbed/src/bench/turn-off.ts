import { createRequire, register } from "node:module";
import { BENCH_AGENT, type ProgramName, programFile } from "./program-file.js";

/** Something of Hearth's that can be turned off in the program that is measured, so that its price is seen. */
export type Feature =
  | "receipts"
  | "receipt-batches"
  | "shared-contexts"
  | "padding"
  | "metrics"
  | "records"
  | "eligibility";

/** The programs that a feature is turned off in. */
export function programsOf(feature: Feature): readonly ProgramName[] {
  const { program } = FEATURES[feature];
  return program === "both" ? ["coordinator", "provider-agent"] : [program];
}

/**
 * Turns a feature off in this process, before its program has started: a class loses a method, or a module a word. No setting does so, as
 * nobody but the bench would want it.
 *
 * @throws Error when the program has not what is to be turned off: else it would be measured as it is
 */
export function turnOff(feature: string): void {
  if (!Object.hasOwn(FEATURES, feature)) throw new Error(`No such feature: ${feature}`);
  FEATURES[feature as Feature].turnOff();
}

const programRequire = createRequire(import.meta.url);

const FEATURES: Readonly<Record<Feature, { readonly program: ProgramName | "both"; turnOff(): void }>> = {
  /** The machine does not attest: it signs nothing, and the coordinator hashes, checks and keeps nothing. */
  receipts: {
    program: "provider-agent",
    turnOff() {
      replace(load("provider-agent", "attest/prover.js", "Prover"), "attest", () => async () => undefined);
      replace(load("provider-agent", "attest/receipts.js", "Receipts"), "start", () => () => undefined);
    },
  },

  /** Each receipt has a signature of its own. */
  "receipt-batches": {
    program: "provider-agent",
    turnOff() {
      const Receipts = load("provider-agent", "attest/receipts.js", "Receipts");
      const identity = load("provider-agent", "attest/software-identity.js", "loadSoftwareIdentity");
      const signer = identity(process.env["HEARTH_AGENT_DATA_DIR"], BENCH_AGENT);
      const alone = { signer, wallTime: () => Date.now(), weightsHash: () => undefined, maxBatch: 1 };
      replace(Receipts, "start", (start) => (frame) => Reflect.apply(start, new Receipts(alone), [frame]));
    },
  },

  /** Each attempt has a sealing context of its own, and so an agreement of keys. */
  "shared-contexts": {
    program: "coordinator",
    turnOff() {
      replace(load("coordinator", "sealing/provider-contexts.js", "ProviderContexts"), "of", (of) => {
        return function anew(this: { forget(connection: unknown): void }, connection, key) {
          this.forget(connection);
          return Reflect.apply(of, this, [connection, key]);
        };
      });
    },
  },

  /** What is sealed is as long as it is, and a byte. */
  padding: {
    program: "both",
    turnOff: () => register(new URL("unpadded-loader.js", import.meta.url)),
  },

  /** Nothing is counted, and nobody observes the process. */
  metrics: {
    program: "coordinator",
    turnOff() {
      const library = createRequire(programFile("coordinator", "main.js"))("prom-client") as Record<string, Built>;
      const nothing = (): Method => () => undefined;
      for (const method of ["inc", "dec", "set"]) replace(library["Gauge"], method, nothing);
      replace(library["Counter"], "incWithoutExemplar", nothing);
      replace(library["Histogram"], "observeWithoutExemplar", nothing);
      library["collectDefaultMetrics"] = Object;
    },
  },

  /** Neither what a request has used nor its receipt is kept. */
  records: {
    program: "coordinator",
    turnOff() {
      replace(load("coordinator", "ledger/usage-writer.js", "UsageWriter"), "keep", () => () => undefined);
      replace(load("coordinator", "receipts/receipt-writer.js", "ReceiptWriter"), "keep", () => () => undefined);
    },
  },

  /** Machines are not told with their heartbeats whether they could get requests. */
  eligibility: {
    program: "coordinator",
    turnOff() {
      replace(load("coordinator", "selection/eligibility.js", "EligibilityReader"), "gates", () => () => undefined);
    },
  },
};

type Method = (this: never, ...args: unknown[]) => unknown;

/** A class or a function of a program, as it is built. */
interface Built {
  new (...args: unknown[]): object;
  (...args: unknown[]): unknown;
  readonly prototype: object;
}

/** What a module of a program exports as it is built: the very one that the program uses itself. */
function load(program: ProgramName, path: string, name: string): Built {
  const found = (programRequire(programFile(program, path)) as Record<string, Built>)[name];
  if (found === undefined) throw new Error(`${program}/dist/${path} has no ${name}`);
  return found;
}

function replace(type: Built | undefined, name: string, by: (before: CallableFunction) => Method): void {
  const before = (type?.prototype as Record<string, unknown> | undefined)?.[name];
  if (typeof before !== "function") throw new Error(`${type?.name} has no ${name} to be turned off`);
  Object.assign(type?.prototype as object, { [name]: by(before) });
}
