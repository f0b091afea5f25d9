import type { Hono } from "hono";
import { z } from "zod";
import { type ModelSources, priceRangeOf } from "../api/models.js";
import { named } from "../api/named-schemas.js";
import { described, type Operation } from "../http/openapi/operation.js";
import { listSchema, pageSchema, readPage } from "../http/paged-list.js";
import type { HttpEnv } from "../http/routing.js";
import { microUsdJson } from "../platform/micro-usd.js";
import { buildsOf, enabledBuildsOf } from "../selection/catalog.js";
import type { WaitingModel } from "../selection/wait-queue.js";

export interface ModelRouteDeps {
  /** As they are now. */
  readonly models: () => ModelSources;
  /** The slots of all machines that could serve a plain request of somebody without machines. */
  readonly slots: (build: string) => { readonly used: number; readonly all: number };
  readonly waiting: () => readonly WaitingModel[];
}

const count = z.int().min(0);
const amount = z.int().min(0).meta({ description: "Micro-USD per million tokens." });
const priceSchema = z.object({ input_micro_usd: amount, output_micro_usd: amount, cached_input_micro_usd: amount });

const modelSchema = z.object({
  id: z.string(),
  object: z.literal("admin.model"),
  kind: z.enum(["build", "alias"]),
  builds: z.array(z.string()).meta({ description: "What it stands for, best first; a build for itself." }),
  aliases: z.array(z.string()).meta({ description: "Names that stand for it." }),
  listed: z
    .boolean()
    .meta({ description: "It stands in the configuration file, and exists also where nobody serves it." }),
  enabled: z.boolean().meta({ description: "`false`: it is switched off, and requests for it are refused." }),
  availability: z.enum(["ready", "busy", "unavailable"]).meta({ description: "For a plain request of a stranger." }),
  providers: z
    .object({ serving: count, all: count })
    .meta({ description: "`all`: with those that are away or leaving." }),
  slots: z.object({ used: count, all: count }),
  queued: count,
  prices: z
    .object({ platform: priceSchema, cheapest: priceSchema, dearest: priceSchema })
    .nullable()
    .meta({ description: "`null` = nothing has a price here. `platform`: where its owner asks nothing of his own." }),
});

const LIST: Operation = {
  id: "listAdminModels",
  audience: "Operator",
  summary: "List the models and aliases with who serves them, their slots, who waits, and what they cost",
  query: pageSchema.omit({ account: true }),
  answer: named("AdminModelList", listSchema(named("AdminModel", modelSchema))),
};

/** Who serves what, and at which price. */
export function modelRoutes(admin: Hono<HttpEnv>, deps: ModelRouteDeps): void {
  admin.get(
    "/models",
    described(LIST, (c) => {
      const { limit, after } = readPage(c.req.query());
      const sources = deps.models();
      const { directory, catalog } = sources;
      const { models, aliases, rules } = catalog;
      const names = [...new Set([...directory.models(), ...models, ...aliases.keys(), ...rules.keys()])].sort();
      const wanted = names.filter((id) => after === undefined || id > after);
      const waiting = new Map(deps.waiting().map((each) => [each.model, each.waiting]));
      const data = wanted.slice(0, limit).map((id) => describe(id, { sources, waiting, slots: deps.slots }));
      const last_id = data.at(-1)?.id ?? null;
      return c.json({ object: "list", data, last_id, has_more: wanted.length > data.length });
    }),
  );
}

interface Told extends Pick<ModelRouteDeps, "slots"> {
  readonly sources: ModelSources;
  readonly waiting: ReadonlyMap<string, number>;
}

function describe(id: string, { sources, waiting, slots }: Told): z.infer<typeof modelSchema> {
  const { directory, catalog, offers } = sources;
  const builds = buildsOf(catalog, id);
  const machines = new Set(builds.flatMap((build) => directory.serving(build)));
  const all = builds.map(slots);
  const prices = priceRangeOf(sources, id, "");
  return {
    id,
    object: "admin.model",
    kind: catalog.aliases.has(id) ? "alias" : "build",
    builds: [...builds],
    aliases: [...catalog.aliases.keys()].filter((alias) => alias !== id && buildsOf(catalog, alias).includes(id)),
    listed: catalog.models.has(id) || catalog.aliases.has(id),
    enabled: enabledBuildsOf(catalog, id).length > 0,
    availability: offers.of(builds, "").availability,
    providers: { serving: [...machines].filter(({ status }) => status === "serving").length, all: machines.size },
    slots: { used: sumOf(all, ({ used }) => used), all: sumOf(all, (each) => each.all) },
    queued: sumOf(builds, (build) => waiting.get(build) ?? 0),
    prices:
      prices === undefined
        ? null
        : {
            platform: describePrice(prices.platform),
            cheapest: describePrice(prices.cheapest),
            dearest: describePrice(prices.dearest),
          },
  };
}

function sumOf<T>(all: readonly T[], of: (each: T) => number): number {
  return all.reduce((sum, each) => sum + of(each), 0);
}

function describePrice({
  input,
  output,
  cachedInput,
}: NonNullable<ReturnType<typeof priceRangeOf>>["platform"]): z.infer<typeof priceSchema> {
  return {
    input_micro_usd: microUsdJson(input),
    output_micro_usd: microUsdJson(output),
    cached_input_micro_usd: microUsdJson(cachedInput),
  };
}
