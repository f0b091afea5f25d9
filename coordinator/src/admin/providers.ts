import type { Provider } from "../fleet/provider.js";
import type { Clock } from "../platform/clock.js";
import { HearthError } from "../platform/errors.js";
import { readPage } from "./enrolments.js";

/** Providers of one page at most: each may name 256 models. */
const MAX_PAGE = 200;

/**
 * One page of what an operator sees of the fleet, in the order of ids.
 *
 * @param query `limit` (100; 200 at most), `after` (the id that the page before ended with), `account`
 * @throws HearthError `invalid_request` that names the member
 */
export function listProviders(
  providers: Iterable<Provider>,
  query: Readonly<Record<string, string>>,
  clock: Clock,
): object {
  const { limit, after, account } = readPage(query);
  if (limit > MAX_PAGE) throw new HearthError("invalid_request", `limit: at most ${MAX_PAGE}.`, { param: "limit" });
  const wanted = [...providers].filter(
    (each) => (after === undefined || each.id > after) && (account === undefined || each.account === account),
  );
  wanted.sort((a, b) => (a.id < b.id ? -1 : 1));
  const shown = wanted.slice(0, limit);
  return {
    object: "list",
    data: shown.map((provider) => describe(provider, clock.now())),
    last_id: shown.at(-1)?.id ?? null,
    has_more: wanted.length > limit,
  };
}

function describe(provider: Provider, now: number): object {
  return {
    id: provider.id,
    name: provider.name ?? null,
    account: provider.account,
    status: provider.status,
    trust: provider.trust,
    agent_version: provider.agentVersion,
    hardware: provider.hardware,
    vitals: provider.vitals,
    connected_ms: Math.round(now - provider.connectedAt),
    heartbeat_age_ms: Math.round(now - provider.lastHeartbeatAt),
    backlog_bytes: provider.backlogBytes,
    models: [...provider.models.values()].map((model) => ({
      ...model,
      slot: provider.slots.get(model.id) ?? null,
      in_flight: provider.inFlight(model.id),
    })),
  };
}
