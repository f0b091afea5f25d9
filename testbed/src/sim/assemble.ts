import type { Duplex } from "node:stream";
import { createLogger } from "@hearth/coordinator";
import {
  Affinity,
  type AttemptObserver,
  Background,
  type Catalog,
  countingIds,
  createPicker,
  DEFAULT_CATALOG,
  DEFAULT_POLICY,
  DEFAULT_SELECTION,
  EMPTY_MANIFEST,
  Evidence,
  evidenceSettings,
  Hedging,
  handshake,
  isLoss,
  ProofDesk,
  ProviderContexts,
  ProviderSession,
  providerIdOf,
  Registry,
  type RequestServices,
  type SessionHooks,
  TokenCalibration,
} from "@hearth/coordinator/internals";
import { createSealingContext } from "@hearth/e2e";
import type { ProviderId } from "@hearth/protocol";
import type { WebSocket } from "ws";
import type { CoordinatorUnderTest } from "./coordinator-under-test.js";
import { mixSeeds, Random } from "./random.js";
import { ALIAS_PATIENCE_MS } from "./scenario.js";
import { watchBreaker } from "./watch-breaker.js";
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
const UNHEARD = { inc: () => {}, observe: () => {} };

/** Puts the parts together as `app.ts` does. */
export function assemble(world: World): CoordinatorUnderTest {
  const { time: clock, journal } = world;
  const registry = new Registry(clock);
  const settings = evidenceSettings(DEFAULT_POLICY);
  const rng = new Random(mixSeeds(world.scenario.seed, 5));
  const outlier = watchBreaker(world);
  const unheard = { looked() {}, decided() {}, servedAlthoughEjected() {} };
  const evidence = new Evidence(clock, () => settings);
  const affinity = new Affinity();
  const calibration = new TokenCalibration();
  const parts = {
    directory: registry,
    catalog: () => CATALOG,
    settings: () => DEFAULT_SELECTION,
    outlier,
    expecting: evidence,
    affinity,
    clock,
    rng,
    hooks: unheard,
  };
  const picker = watchPicker(world, createPicker(parts));
  const queue = new WatchedQueue(world, picker);
  registry.watch(() => {
    journal.fleetChanged = true;
    queue.drain();
  });
  const hedging = new Hedging({
    picker,
    queue,
    suppressed: (reason) => journal.count(`hedge suppressed: ${reason}`),
    backupWon: () => journal.count("backup won"),
  });
  const observer: AttemptObserver = watchHedges(world, queue);
  const contexts = new ProviderContexts(clock, (publicKey) =>
    createSealingContext(publicKey, { primitives: world.primitives, padding: "none" }),
  );
  const services: RequestServices = {
    admission: {
      clock,
      picker,
      queue,
      catalog: () => CATALOG,
      knownModels: { knows: (model) => registry.serves(model), away: () => [] },
      accepting: () => true,
    },
    dispatch: {
      picker,
      queue,
      hedging,
      link: (id) => registry.link(id),
      evidence,
      ids: countingIds(),
      clock,
      contexts,
      observer,
      background: new Background(clock),
      distrust: (id) => registry.distrust(id),
    },
    settlement: {
      clock,
      metrics: { requests: UNHEARD, requestSeconds: UNHEARD, tokens: UNHEARD } as never,
      receipts: { keep() {} },
      knownModels: { answered() {} },
      calibration,
    },
    calibration,
    receiptWaitMs: 0,
    policy: DEFAULT_POLICY,
    clock,
  };
  const sessionHooks: SessionHooks = {
    updated: (session) => registry.updated(session),
    closed(session, reason) {
      if (isLoss(reason)) outlier.connectionLost(session.id, clock.now(), registry.size);
      if (reason === "untrusted") registry.distrust(session.id);
      contexts.forget(session);
      registry.departed(session, reason !== "left");
    },
    unknownFrame: () => {},
    overRate: () => {},
    undigested: () => {},
    proved: () => {},
  };
  const proving = {
    desk: new ProofDesk(clock, () => ({ type: "rejected" })),
    newChallenge: () => new Uint8Array(32),
  };
  const distrusted = (id: ProviderId): boolean => registry.isDistrusted(id);
  return {
    services,
    registry,
    contexts,
    outlier,
    catalog: CATALOG,
    log: SILENT,
    accept(socket, record) {
      const handshaken = handshake(socket as unknown as WebSocket, NO_DUPLEX, {
        ...proving,
        clock,
        holderOf: (token) => (ACCOUNTS.has(token) ? { account: token } : undefined),
        proved: () => {},
      });
      void handshaken.then((result) => {
        if (result.type === "refused") return;
        const session = new ProviderSession(result.registration, {
          clock,
          log: SILENT,
          hooks: sessionHooks,
          distrusted,
          ...proving,
          manifest: () => EMPTY_MANIFEST,
          goAwayTimeoutMs: 600_000,
        });
        record.session = session;
        registry.add(session);
        sessionHooks.updated(session);
      });
    },
    providerId: (index) => providerIdOf(world.identityOf(index), false),
  };
}

/** There is no TCP below the simulated sockets. */
const NO_DUPLEX = {
  prependListener: () => {},
  on: () => {},
  off: () => {},
  cork: () => {},
  uncork: () => {},
} as unknown as Duplex;
