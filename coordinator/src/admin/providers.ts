import type { ProviderId } from "@hearth/protocol";
import type { Context, Hono } from "hono";
import { z } from "zod";
import { named } from "../api/named-schemas.js";
import type { MachineNote } from "../fleet/machine-notes.js";
import type { Provider } from "../fleet/provider.js";
import type { ProviderDirectory } from "../fleet/provider-directory.js";
import { readFormOf } from "../http/accounts/key-routes.js";
import { described, type Operation } from "../http/openapi/operation.js";
import { pageSchema } from "../http/paged-list.js";
import { describeProvider, type ListedWith, listProviders, PROVIDERS, providerSchema } from "../http/provider-list.js";
import type { HttpEnv } from "../http/routing.js";
import { describeGate, gateSchema } from "../http/timeline/gate-forms.js";
import { describeSummary, REQUEST_SUMMARY } from "../http/timeline/request-forms.js";
import type { TimelineDeps } from "../http/timeline/request-routes.js";
import { HearthError } from "../platform/errors.js";
import type { ExplainedModel } from "../selection/explain.js";

export interface ProviderRouteDeps extends ListedWith, TimelineDeps {
  readonly directory: ProviderDirectory;
  readonly machineNotes: {
    of(id: ProviderId): MachineNote;
    has(id: ProviderId): boolean;
    change(id: ProviderId, changes: Partial<MachineNote>): Promise<MachineNote>;
  };
  /** What is thought of a machine for a plain request, for each of its models. */
  readonly explainMachine: (provider: Provider) => readonly ExplainedModel[];
}

/** Requests of a machine that are shown with it. */
const RECENT = 20;

const LIST: Operation = {
  id: "listProviders",
  audience: "Operator",
  summary: "List the machines that are connected or expected back",
  description: "A page may end before its limit where machines have many models.",
  query: pageSchema,
  answer: PROVIDERS,
};

const detailSchema = providerSchema.extend({
  notes: z.string(),
  distrusted_ms: z.int().meta({ description: "How long it gets nothing yet because it has signed something false." }),
  eligibility: z
    .array(z.object({ model: z.string(), eligible: z.boolean(), gates: z.array(gateSchema), total_ms: z.number() }))
    .meta({ description: "For a plain request of somebody without machines." }),
  recent_requests: z.array(REQUEST_SUMMARY).meta({ description: "Those that it has had an attempt of, newest first." }),
});

const RETRIEVE: Operation = {
  id: "retrieveProvider",
  audience: "Operator",
  summary: "Get a machine, what stops it from serving each of its models, and its latest requests",
  answer: named("ProviderDetail", detailSchema),
};

const noteSchema = z.object({
  object: z.literal("provider.note"),
  provider: z.string(),
  label: z.string().nullable(),
  notes: z.string(),
  drained: z.boolean(),
  connected: z.boolean(),
});
const NOTE = named("ProviderNote", noteSchema);

const changesSchema = z
  .strictObject({ label: z.string().trim().max(128).nullable(), notes: z.string().max(4_096).nullable() })
  .partial();

const CHANGE: Operation = {
  id: "changeProvider",
  audience: "Operator",
  summary: "Give a machine a label or notes of your own",
  request: named("ProviderChanges", changesSchema),
  answer: NOTE,
};

const ACTIONS = {
  drain: "Set a machine aside: it finishes what runs and gets nothing new, also after a restart, until it is resumed",
  resume: "Let a machine that was set aside serve again",
  disconnect: "Close a machine's connection and end what runs on it; it may come back at once",
  untrust: "Close a machine's connection and give it no requests for ten minutes",
} as const;
type Action = keyof typeof ACTIONS;

/** What the operator sees of machines, and does with them. */
export function providerRoutes(admin: Hono<HttpEnv>, deps: ProviderRouteDeps): void {
  const { directory, machineNotes } = deps;
  admin.get(
    "/providers",
    described(LIST, (c) => c.json(listProviders(directory.providers(), c.req.query(), deps))),
  );
  admin.get(
    "/providers/:id",
    described(RETRIEVE, (c) => {
      const provider = found(idOf(c), deps);
      if (provider === undefined) throw unknown();
      return c.json(describe(provider, deps));
    }),
  );
  admin.patch(
    "/providers/:id",
    described(CHANGE, async (c) => {
      const id = requireKnown(idOf(c), deps);
      const { label, notes } = await readFormOf(c, changesSchema);
      const changes = {
        ...(label !== undefined && { label: label ?? "" }),
        ...(notes !== undefined && { notes: notes ?? "" }),
      };
      return c.json(describeNote(id, await machineNotes.change(id, changes), deps));
    }),
  );
  for (const action of Object.keys(ACTIONS) as Action[]) {
    const operation: Operation = {
      id: `${action}Provider`,
      audience: "Operator",
      summary: ACTIONS[action],
      answer: NOTE,
    };
    admin.post(
      `/providers/:id/${action}`,
      described(operation, async (c) => {
        const id = requireKnown(idOf(c), deps);
        await act(action, id, deps);
        return c.json(describeNote(id, machineNotes.of(id), deps));
      }),
    );
  }
}

async function act(action: Action, id: ProviderId, { directory, machineNotes }: ProviderRouteDeps): Promise<void> {
  switch (action) {
    case "drain":
      return void (await machineNotes.change(id, { drained: true }));
    case "resume":
      return void (await machineNotes.change(id, { drained: false }));
    case "disconnect":
      return directory.link(id)?.close("going_away");
    case "untrust":
      return directory.distrust(id);
  }
}

const idOf = (c: Context<HttpEnv>): ProviderId => (c.req.param("id") ?? "").slice(0, 128) as ProviderId;

const unknown = (): HearthError =>
  new HearthError("not_found", "There is no such machine that is connected or expected back.");

function found(id: ProviderId, { directory }: ProviderRouteDeps): Provider | undefined {
  const link = directory.link(id);
  if (link !== undefined) return link;
  for (const provider of directory.providers()) if (provider.id === id) return provider;
  return undefined;
}

/** A machine that is away for good may have a note still. */
function requireKnown(id: ProviderId, deps: ProviderRouteDeps): ProviderId {
  if (!deps.machineNotes.has(id) && found(id, deps) === undefined) throw unknown();
  return id;
}

function describeNote(
  id: ProviderId,
  { label, notes, drained }: MachineNote,
  { directory }: ProviderRouteDeps,
): z.infer<typeof noteSchema> {
  const connected = directory.link(id) !== undefined;
  return { object: "provider.note", provider: id, label: label === "" ? null : label, notes, drained, connected };
}

function describe(provider: Provider, deps: ProviderRouteDeps): z.infer<typeof detailSchema> {
  const { directory, machineNotes, timelines, explainMachine } = deps;
  return {
    ...describeProvider(provider, deps),
    notes: machineNotes.of(provider.id).notes,
    distrusted_ms: Math.ceil(directory.distrustedMs(provider.id)),
    eligibility: explainMachine(provider).map(({ model, gates, total }) => ({
      ...{ model, eligible: gates.length === 0, gates: gates.map(describeGate) },
      total_ms: Math.round(total),
    })),
    recent_requests: timelines.list({ provider: provider.id, limit: RECENT }).map(describeSummary),
  };
}
