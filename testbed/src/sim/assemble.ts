import type { Duplex } from "node:stream";
import { createLogger } from "@hearth/coordinator";
import {
  AttestationVerifier,
  type Catalog,
  countingIds,
  createFleet,
  createSelection,
  createServices,
  DEFAULT_BREAKER,
  DEFAULT_CALIBRATION,
  DEFAULT_CATALOG,
  DEFAULT_HEDGING,
  DEFAULT_POLICY,
  DEFAULT_SELECTION,
  evidenceSettings,
  handshake,
  NO_RULES,
  ProviderContexts,
  providerIdOf,
  Registry,
  Reputation,
  type Selection,
} from "@hearth/coordinator/internals";
import { createSealingContext } from "@hearth/e2e";
import type { WebSocket } from "ws";
import type { CoordinatorUnderTest } from "./coordinator-under-test.js";
import { mixSeeds, Random } from "./random.js";
import { ALIAS_PATIENCE_MS } from "./scenario.js";
import { BreakerWatch } from "./watch-breaker.js";
import { watchHedges } from "./watch-hedges.js";
import { WatchedQueue, watchPicker } from "./watch-selection.js";
import type { World } from "./world.js";

const CATALOG: Catalog = {
  ...DEFAULT_CATALOG,
  models: new Set(["m0", "m1", "m2"]),
  aliases: new Map([["best", { desired: "m1", previous: "m0", patienceMs: ALIAS_PATIENCE_MS }]]),
};
const SILENT = createLogger("silent");
const ACCOUNTS: ReadonlySet<string> = new Set(["alice", "bob", "carol"]);
/** What a simulated run is not asked about. */
const UNHEARD = {
  registered() {},
  refused() {},
  gone() {},
  unknownFrame() {},
  overRate() {},
  undigested() {},
  proved() {},
};

/** The coordinator's own composition, on virtual time and with hooks that watch it. */
export function assemble(world: World): CoordinatorUnderTest {
  const { time: clock, journal } = world;
  const registry = new Registry(clock);
  registry.watch((models) => {
    journal.fleetChanged = true;
    for (const model of models?.keys() ?? registry.models()) journal.changedModels.add(model);
  });
  const selection = assembleSelection(world, registry);
  const contexts = new ProviderContexts(clock, (publicKey) =>
    createSealingContext(publicKey, { primitives: world.primitives, padding: "none" }),
  );
  const services = createServices({
    ...{ clock, directory: registry, selection, contexts, log: SILENT },
    ids: countingIds(),
    knownModels: { knows: (model) => registry.serves(model), away: () => [], answered() {} },
    receipts: { keep() {} },
    usage: { keep() {}, refused() {} },
    receiptWaitMs: 0,
    rateLimiter: { take: () => Promise.reject(new Error("nobody has a limit")) },
    accepting: () => true,
    attempts: watchHedges(world, selection.queue),
    settled: { ended() {}, tokens() {} },
    catalog: () => CATALOG,
    tariff: () => undefined,
    payments: { reserve: () => undefined },
    ledger: { reserve: () => Promise.reject(new Error("nothing has a price")) },
    policy: () => DEFAULT_POLICY,
    calibration: () => DEFAULT_CALIBRATION,
  });
  const proving = {
    verifier: new AttestationVerifier(clock, () => ({ type: "rejected" })),
    newChallenge: () => new Uint8Array(32),
  };
  const addProvider = createFleet({
    ...{ clock, registry, contexts, log: SILENT },
    ...proving,
    config: { maxConnectionsPerAccount: Number.POSITIVE_INFINITY, goAwayTimeoutMs: 600_000 },
    rules: () => NO_RULES,
    knownModels: { departed() {} },
    enrolment: { seen() {} },
    hooks: { ...UNHEARD, connectionLost: selection.connectionLost },
  });
  return {
    services,
    registry,
    contexts,
    breaker: selection.breaker,
    catalog: CATALOG,
    log: SILENT,
    accept(socket, record) {
      const handshaken = handshake(socket as unknown as WebSocket, NO_DUPLEX, {
        ...proving,
        clock,
        holderOf: (token) => (ACCOUNTS.has(token) ? { account: token } : undefined),
        proved: () => {},
        paced: { do: (_stage, work) => work() },
      });
      void handshaken.then((result) => {
        if (result.type === "registered") record.session = addProvider(result.registration);
      });
    },
    providerId: (index) => providerIdOf(world.identityOf(index), false),
  };
}

function assembleSelection(world: World, registry: Registry): Selection {
  const { time: clock, journal, scenario } = world;
  const evidence = evidenceSettings(DEFAULT_POLICY);
  const breaker = new BreakerWatch(world);
  const selection = createSelection({
    clock,
    rng: new Random(mixSeeds(scenario.seed, 5)),
    directory: registry,
    reputation: new Reputation({ clock }),
    hooks: {
      picker: { looked() {}, decided() {}, servedAlthoughOpen() {} },
      breaker: breaker.hooks,
      queue: { depth() {}, waited() {} },
      hedging: {
        suppressed: (reason) => journal.count(`hedge suppressed: ${reason}`),
        backupWon: () => journal.count("backup won"),
      },
    },
    around: {
      picker: (real) => watchPicker(world, real),
      queue: (...deps) => new WatchedQueue(world, ...deps),
    },
    catalog: () => CATALOG,
    settings: () => DEFAULT_SELECTION,
    breaker: () => DEFAULT_BREAKER,
    evidence: () => evidence,
    hedging: () => DEFAULT_HEDGING,
  });
  breaker.watch(selection.breaker);
  return selection;
}

/** There is no TCP below the simulated sockets. */
const NO_DUPLEX = {
  prependListener: () => {},
  on: () => {},
  off: () => {},
  cork: () => {},
  uncork: () => {},
} as unknown as Duplex;
