import type { Server } from "node:http";
import { type Clock, repeat, sleep } from "@hearth/platform";
import type { Config } from "./config.js";
import type { Registry } from "./fleet/registry.js";
import type { Connections } from "./http/connections.js";
import type { Logger } from "./platform/logger.js";
import type { ReceiptWriter } from "./receipts/receipt-writer.js";

/** A server, and all that is connected to it. */
interface Door {
  readonly server: Server;
  readonly connections: Connections;
}

export interface DrainDeps {
  readonly doors: readonly Door[];
  readonly providers: Disposable;
  readonly registry: Registry;
  readonly receipts: Pick<ReceiptWriter, "arrived">;
  /** The other coordinators of the fleet. */
  readonly cluster: {
    /** They send nothing new. */
    drain(): Promise<void>;
    /** Streams of theirs with machines of this one. */
    readonly relayed: () => number;
    /** Its machines are gone, and so is it. */
    stop(): Promise<void>;
  };
  readonly clock: Clock;
  readonly log: Logger;
  /** Ends what runs when the drain's time is over; whoever aborts it before then will not wait so long. */
  readonly shutdown: AbortController;
  readonly config: Pick<Config, "drainTimeoutMs" | "lingerMs">;
}

/** How long agents wait before they come back, ms: a restart takes less. */
const RECONNECT_AFTER_MS = 500;
/** What is left after the drain timeout gets this long to tell its consumer, and consumers this long to read it, ms. */
const FAREWELL_MS = 1_000;
/** Receipts of the last answers may follow them for this long, ms: a signature takes a fraction of it. */
const RECEIPTS_MS = 500;
/** How often it is told how far the stop is, ms. */
const TELL_MS = 10_000;
/** How often connections that have nothing more to carry are looked for and closed, ms. */
const SWEEP_MS = 10;

/**
 * The order of a graceful stop: agents told, running requests ended, sockets closed. Until the running requests have
 * ended the server listens on, so that new ones are told 503 instead of finding nobody; each answer closes its
 * connection, so that a client which is busy on a kept-alive one is not cut off between two requests.
 */
export async function drain(deps: DrainDeps): Promise<void> {
  const { clock, registry, config } = deps;
  const doors = deps.doors.map(({ connections }) => connections);
  const startedAt = clock.now();
  for (const connections of doors) connections.announceEnd();
  for (const session of registry.connected()) session.goAway("shutdown", RECONNECT_AFTER_MS, config.drainTimeoutMs);
  await deps.cluster.drain();
  await runningEnded(deps);
  deps.shutdown.abort("shutdown");
  await Promise.all(doors.map((connections) => connections.answered(clock, FAREWELL_MS)));
  await deps.receipts.arrived(RECEIPTS_MS);
  for (const session of [...registry.sessions()]) session.close("going_away");
  deps.providers[Symbol.dispose]();
  await deps.cluster.stop();
  registry[Symbol.dispose]();
  const lingerMs = startedAt + config.lingerMs - clock.now();
  await Promise.all(doors.map((connections) => connections.left(clock, lingerMs)));
  await Promise.all(deps.doors.map((door) => closeServer(door, clock)));
}

/** What runs ends by itself, however long that takes within the drain's time. Those who wait are told how far it is. */
async function runningEnded({ doors, cluster, clock, log, shutdown, config }: DrainDeps): Promise<void> {
  const running = (): number => doors.reduce((sum, { connections }) => sum + connections.requests, 0);
  const startedAt = clock.now();
  const seconds = (ms: number): number => Math.round(ms / 1_000);
  const tell = (): void => {
    const forMs = clock.now() - startedAt;
    const left = { sinceSeconds: seconds(forMs), atMostSeconds: seconds(config.drainTimeoutMs - forMs) };
    log.info({ requests: running(), relayed: cluster.relayed(), ...left }, "draining");
  };
  if (running() > 0) tell();
  using _telling = repeat(clock, TELL_MS, tell);
  await Promise.all(
    doors.map(({ connections }) => connections.answered(clock, config.drainTimeoutMs, shutdown.signal)),
  );
  const isOver = (): boolean => clock.now() - startedAt >= config.drainTimeoutMs || shutdown.signal.aborted;
  while (cluster.relayed() > 0 && !isOver()) await sleep(clock, SWEEP_MS, shutdown.signal);
}

/** An answer that is on its way arrives whole: only what is unread when the time is up is cut off. */
async function closeServer({ server, connections }: Door, clock: Clock): Promise<void> {
  // Who has connected and was not accepted yet is reset when the server closes. In this phase of the event loop everybody
  // has just been accepted, which leaves the fewest.
  await new Promise(setImmediate);
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const sweeper = repeat(clock, SWEEP_MS, () => server.closeIdleConnections());
  const cut = clock.setTimer(FAREWELL_MS, () => connections.destroy());
  await closed;
  sweeper[Symbol.dispose]();
  cut[Symbol.dispose]();
}
