import type { Provider } from "../fleet/provider.js";
import type { Clock } from "../platform/clock.js";

/** What an operator sees of the fleet. */
export function listProviders(providers: Iterable<Provider>, clock: Clock): object {
  return { object: "list", data: [...providers].map((provider) => describe(provider, clock.now())) };
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
