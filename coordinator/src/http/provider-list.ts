import type { Clock } from "@hearth/platform";
import {
  hardwareSchema,
  heartbeatSchema,
  modelSchema,
  type ProviderId,
  type Reputation,
  reputationSchema,
  slotSchema,
  TRUST_LEVELS,
} from "@hearth/protocol";
import { z } from "zod";
import { named } from "../api/named-schemas.js";
import type { Provider } from "../fleet/provider.js";
import { listSchema, readPage } from "./paged-list.js";

/** Models of one page at most, whatever its limit: one machine may name 256, with a kilobyte of text each. */
const MAX_MODELS = 2_048;

export interface ListedWith {
  readonly clock: Clock;
  /** What is held against a machine. */
  readonly standing: (id: ProviderId) => Reputation;
  /** What the operator has said of a machine. */
  readonly machineNotes: { of(id: ProviderId): { readonly label: string; readonly drained: boolean } };
}

/**
 * One page of what an operator sees of the fleet, or an owner of the machines of his account, in the order of ids.
 *
 * @param query `limit` (100; 1,000 at most), `after` (the id that the page before ended with), `account`
 * @throws HearthError `invalid_request` that names the member
 */
export function listProviders(
  providers: Iterable<Provider>,
  query: Readonly<Record<string, string>>,
  listed: ListedWith,
): object {
  const { limit, after, account } = readPage(query);
  const wanted = [...providers].filter(
    (each) => (after === undefined || each.id > after) && (account === undefined || each.account === account),
  );
  wanted.sort((a, b) => (a.id < b.id ? -1 : 1));
  const shown = wanted.slice(0, Math.min(limit, countUpTo(wanted, MAX_MODELS)));
  return {
    object: "list",
    data: shown.map((provider) => describeProvider(provider, listed)),
    last_id: shown.at(-1)?.id ?? null,
    has_more: wanted.length > shown.length,
  };
}

/** How many of the first providers have no more models together; at least one. */
function countUpTo(providers: readonly Provider[], models: number): number {
  let sum = 0;
  const over = providers.findIndex(({ models: { size } }) => {
    sum += size;
    return sum > models;
  });
  return over === -1 ? providers.length : Math.max(1, over);
}

/** A machine as the operator and its owner see it. */
export const providerSchema = z.object({
  id: z.string(),
  name: z.string().nullable(),
  label: z.string().nullable().meta({ description: "What the operator calls it." }),
  drained: z.boolean().meta({ description: "The operator has set it aside: it finishes what runs." }),
  account: z.string(),
  status: z.enum(["serving", "draining", "offline"]),
  trust: z.enum(TRUST_LEVELS),
  agent_version: z.string(),
  hardware: hardwareSchema,
  vitals: heartbeatSchema
    .pick({ memory_free_bytes: true, memory_pressure: true, cpu_load: true, gpu_load: true, thermal: true })
    .meta({ description: "As of the last heartbeat; absent = not reported." }),
  reputation: reputationSchema.meta({
    description: "What its record holds against it, which fades: 100 = nothing. `ms` is what it costs in the score.",
  }),
  connected_ms: z.int().meta({ description: "How long it has been connected, ms." }),
  heartbeat_age_ms: z.int(),
  backlog_bytes: z.int().meta({ description: "What waits in the connection to it, bytes." }),
  models: z.array(
    modelSchema.extend({
      slot: slotSchema.nullable(),
      in_flight: z.int().meta({ description: "Requests of ours that run there now." }),
    }),
  ),
});

export const PROVIDERS: z.ZodType = named("ProviderList", listSchema(named("Provider", providerSchema)));

/** One machine as its owner and the operator see it. */
export function describeProvider(
  provider: Provider,
  { clock, standing, machineNotes }: ListedWith,
): z.infer<typeof providerSchema> {
  const now = clock.now();
  const { label, drained } = machineNotes.of(provider.id);
  return {
    id: provider.id,
    name: provider.name ?? null,
    label: label === "" ? null : label,
    drained,
    account: provider.account,
    status: provider.status,
    trust: provider.trust,
    agent_version: provider.agentVersion,
    hardware: provider.hardware,
    vitals: provider.vitals,
    reputation: standing(provider.id),
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
