import type { Server } from "node:http";
import type { Registry } from "./fleet/registry.js";
import { type Clock, repeat } from "./platform/clock.js";

/** The HTTP requests whose answers are not out yet. */
export interface RunningRequests {
  readonly size: number;
  /** Resolves when there is none, or the time is up. */
  idle(clock: Clock, timeoutMs: number): Promise<void>;
}

/**
 * Counts requests by their responses: a provider may be done long before a slow consumer is, and those who wait for
 * room have no provider yet.
 */
export function watchRequests(server: Server): RunningRequests {
  let running = 0;
  const idlers = new Set<() => void>();
  server.on("request", (_request, response) => {
    running += 1;
    response.once("close", () => {
      running -= 1;
      if (running === 0) for (const idler of [...idlers]) idler();
    });
  });
  return {
    get size() {
      return running;
    },
    idle: (clock, timeoutMs) =>
      new Promise((resolve) => {
        if (running === 0) return resolve();
        const end = (): void => {
          timer[Symbol.dispose]();
          idlers.delete(end);
          resolve();
        };
        const timer = clock.setTimer(timeoutMs, end);
        idlers.add(end);
      }),
  };
}

export interface DrainDeps {
  readonly server: Server;
  readonly requests: RunningRequests;
  readonly providers: Disposable;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly shutdown: AbortController;
  readonly timeoutMs: number;
}

/** How long agents wait before they come back, ms: a restart takes less. */
const RECONNECT_AFTER_MS = 500;
/** What is left after the drain timeout gets this long to tell its consumer, and consumers this long to read it, ms. */
const FAREWELL_MS = 1_000;
/** How often connections that have nothing more to carry are looked for and closed, ms. */
const SWEEP_MS = 10;

/**
 * The order of a graceful stop: agents told, running requests ended, sockets closed. Until the running requests have
 * ended the server listens on, so that new ones are told 503 instead of finding nobody.
 */
export async function drain(deps: DrainDeps): Promise<void> {
  for (const session of deps.registry.connected()) session.goAway("shutdown", RECONNECT_AFTER_MS);
  await deps.requests.idle(deps.clock, deps.timeoutMs);
  deps.shutdown.abort("shutdown");
  await deps.requests.idle(deps.clock, FAREWELL_MS);
  for (const session of [...deps.registry.connected()]) session.close("going_away");
  deps.providers[Symbol.dispose]();
  deps.registry[Symbol.dispose]();
  await closeServer(deps);
}

/** An answer that is on its way arrives whole: only what is unread when the time is up is cut off. */
async function closeServer({ server, clock }: DrainDeps): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const sweeper = repeat(clock, SWEEP_MS, () => server.closeIdleConnections());
  const cut = clock.setTimer(FAREWELL_MS, () => server.closeAllConnections());
  await closed;
  sweeper[Symbol.dispose]();
  cut[Symbol.dispose]();
}
