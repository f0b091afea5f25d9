import type { AdminModel, Provider } from "../api/types.js";

/** A model as the fleet serves it now. */
export interface ServedModel {
  readonly id: string;
  /** What an alias stands for, best first; empty = it is a build. */
  readonly builds: readonly string[];
  /** Machines that may be asked for it, and all that have it. */
  readonly serving: number;
  readonly machines: number;
  readonly loaded: number;
  readonly crashed: number;
  readonly inFlight: number;
  /** Places for requests; of machines that do not say how many they have, those that are taken. */
  readonly slots: number;
  readonly waiting: number;
  readonly context: number | undefined;
  /** Tokens a second of one request, the median of machines. */
  readonly tokensPerSecond: number | undefined;
  readonly prices: AdminModel["prices"];
  /** Nobody has switched it off. */
  readonly enabled: boolean;
}

/** What the machines of a fleet serve, by model, with what the coordinator adds to that: aliases, who waits, prices. */
export function servedModels(providers: readonly Provider[], told: readonly AdminModel[]): readonly ServedModel[] {
  const found = new Map<string, Place[]>(told.map(({ id }) => [id, []]));
  for (const provider of providers) {
    for (const model of provider.models) {
      const known = found.get(model.id);
      if (known === undefined) found.set(model.id, [{ provider, model }]);
      else known.push({ provider, model });
    }
  }
  const tellings = new Map(told.map((each) => [each.id, each]));
  return [...found].map(([id, on]) => {
    const telling = tellings.get(id);
    return {
      ...sumOf(id, on),
      builds: telling?.kind === "alias" ? telling.builds : [],
      waiting: telling?.queued ?? 0,
      prices: telling?.prices ?? null,
      enabled: telling?.enabled ?? true,
      ...(telling === undefined ? {} : { serving: telling.providers.serving, machines: telling.providers.all }),
      ...(telling?.kind === "alias" ? { inFlight: telling.slots.used, slots: telling.slots.all } : {}),
    };
  });
}

interface Place {
  readonly provider: Provider;
  readonly model: Provider["models"][number];
}

function sumOf(id: string, on: readonly Place[]): Omit<ServedModel, "builds" | "waiting" | "prices" | "enabled"> {
  const here = on.filter(({ provider }) => provider.status === "serving");
  const contexts = on.flatMap(({ model }) => model.context_length ?? []);
  return {
    id,
    serving: here.length,
    machines: on.length,
    loaded: here.filter(({ model }) => model.slot?.state === "running" || model.slot?.state === "idle").length,
    crashed: on.filter(({ model }) => model.slot?.state === "crashed").length,
    inFlight: sum(on.map(({ model }) => model.in_flight)),
    slots: sum(here.map(({ model }) => model.slot?.max_concurrency ?? model.in_flight)),
    context: contexts.length === 0 ? undefined : Math.max(...contexts),
    tokensPerSecond: median(here.flatMap(({ model }) => model.slot?.decode_tps ?? [])),
  };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function median(values: readonly number[]): number | undefined {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}
