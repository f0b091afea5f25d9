import type { Server } from "node:http";
import type { Registry } from "./fleet/registry.js";
import { type Clock, repeat } from "./platform/clock.js";

export interface DrainDeps {
  readonly server: Server;
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
  await idle(deps, deps.timeoutMs);
  deps.shutdown.abort("shutdown");
  await idle(deps, FAREWELL_MS);
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

/** Resolves when no stream is open on any provider, or the time is up. */
function idle({ registry, clock }: DrainDeps, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const busy = (): boolean => [...registry.connected()].some((session) => session.openStreams > 0);
    if (!busy()) return resolve();
    const end = (): void => {
      timer[Symbol.dispose]();
      watcher[Symbol.dispose]();
      resolve();
    };
    const timer = clock.setTimer(timeoutMs, end);
    const watcher = registry.watch(() => {
      if (!busy()) end();
    });
  });
}
