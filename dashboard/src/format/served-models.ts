import type { Provider } from "../api/types.js";

/** A model as the fleet serves it now. */
export interface ServedModel {
  readonly id: string;
  /** Machines that may be asked for it, and all that have it. */
  readonly serving: number;
  readonly machines: number;
  readonly loaded: number;
  readonly crashed: number;
  readonly inFlight: number;
  /** Places for requests; of machines that do not say how many they have, those that are taken. */
  readonly slots: number;
  readonly context: number | undefined;
  /** Tokens a second of one request, the median of machines. */
  readonly tokensPerSecond: number | undefined;
}

/** What the machines of a fleet serve, by model. */
export function servedModels(providers: readonly Provider[]): readonly ServedModel[] {
  const found = new Map<string, { readonly provider: Provider; readonly model: Provider["models"][number] }[]>();
  for (const provider of providers) {
    for (const model of provider.models) {
      const known = found.get(model.id);
      if (known === undefined) found.set(model.id, [{ provider, model }]);
      else known.push({ provider, model });
    }
  }
  return [...found].map(([id, on]) => {
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
  });
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function median(values: readonly number[]): number | undefined {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}
