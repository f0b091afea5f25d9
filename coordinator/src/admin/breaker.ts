import type { ProviderId } from "@hearth/protocol";
import type { Hono } from "hono";
import { z } from "zod";
import { checkBody } from "../api/check-body.js";
import { named } from "../api/named-schemas.js";
import { readFormOf } from "../http/accounts/key-routes.js";
import { described, type Operation } from "../http/openapi/operation.js";
import { listSchema } from "../http/paged-list.js";
import type { HttpEnv } from "../http/routing.js";
import type { HeldAgainst } from "../selection/circuit-breaker.js";
import { SHAPES } from "../selection/traits.js";
import type { WaitingModel } from "../selection/wait-queue.js";

const listQuery = z.object({
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  // The ids of these are longer than others: a machine, a model and a shape.
  after: z.string().min(1).max(512).optional(),
  provider: z.string().min(1).max(128).optional(),
});

const heldSchema = z.object({
  id: z.string(),
  provider: z.string(),
  model: z.string(),
  shape: z.enum(SHAPES).nullable().meta({ description: "Of requests that it is open for; `null` = for all." }),
  state: z.enum(["open", "half_open", "capacity"]).meta({
    description:
      "`half_open`: the next request tries the machine, or one does. `capacity`: it refused for want of room.",
  }),
  reason: z.string(),
  remaining_ms: z.int().meta({ description: "Until it is tried again." }),
  faults: z
    .int()
    .meta({ description: "Faults that no answer has made good, or cooldowns since it last took a request." }),
});

const LIST: Operation = {
  id: "listBreaker",
  audience: "Operator",
  summary: "List what is held against machines, by machine, model and shape",
  query: listQuery,
  answer: named("BreakerList", listSchema(named("BreakerEntry", heldSchema))),
};

const clearSchema = z.strictObject({
  provider: z.string().min(1).max(128),
  model: z.string().min(1).max(128).optional().meta({ description: "Absent = all of its models." }),
});

const CLEAR: Operation = {
  id: "clearBreaker",
  audience: "Operator",
  summary: "Hold nothing against a machine any more",
  description: "It gets requests at once, also those that wait. What it does from then on counts as ever.",
  request: named("BreakerClear", clearSchema),
  answer: named(
    "BreakerCleared",
    z.object({
      object: z.literal("breaker.cleared"),
      provider: z.string(),
      model: z.string().nullable(),
      cleared: z.int(),
    }),
  ),
};

const QUEUE: Operation = {
  id: "listQueue",
  audience: "Operator",
  summary: "List the models for which requests wait for a slot",
  answer: named(
    "QueueList",
    z.object({
      object: z.literal("list"),
      data: z.array(
        named(
          "QueuedModel",
          z.object({
            model: z.string(),
            waiting: z.int(),
            limit: z.int().meta({ description: "As many may wait; who comes then is refused." }),
            oldest_ms: z.int(),
          }),
        ),
      ),
    }),
  ),
};

export interface BreakerRouteDeps {
  readonly breaker: {
    held(): Iterable<HeldAgainst>;
    /** @returns how many records were forgotten */
    clear(id: ProviderId, model?: string): number;
  };
  readonly waiting: () => readonly WaitingModel[];
}

/** What keeps requests from machines: the breaker, and the queue. */
export function breakerRoutes(admin: Hono<HttpEnv>, { breaker, waiting }: BreakerRouteDeps): void {
  admin.get(
    "/breaker",
    described(LIST, (c) => {
      const { limit, after, provider } = checkBody(listQuery, c.req.query());
      const all = [...breaker.held()].filter((each) => provider === undefined || each.provider === provider);
      const listed = all.map(describe).filter(({ id }) => after === undefined || id > after);
      listed.sort((a, b) => (a.id < b.id ? -1 : 1));
      const data = listed.slice(0, limit);
      return c.json({ object: "list", data, last_id: data.at(-1)?.id ?? null, has_more: listed.length > limit });
    }),
  );
  admin.post(
    "/breaker/clear",
    described(CLEAR, async (c) => {
      const { provider, model } = await readFormOf(c, clearSchema);
      const cleared = breaker.clear(provider as ProviderId, model);
      return c.json({ object: "breaker.cleared", provider, model: model ?? null, cleared });
    }),
  );
  admin.get(
    "/queue",
    described(QUEUE, (c) => {
      const data = waiting().map(({ oldestMs, ...each }) => ({ ...each, oldest_ms: Math.round(oldestMs) }));
      return c.json({ object: "list", data });
    }),
  );
}

const REASONS: Readonly<Record<HeldAgainst["cause"], string>> = {
  faults: "It failed several times.",
  late: "It was late again and again, or when it was tried again.",
  retraction: "What counted as an answer of it turned out to be none.",
  probe: "It failed when it was tried again.",
  refusals: "It refused requests while it advertised room for them.",
};

function describe({
  provider,
  model,
  shape,
  state,
  cause,
  remainingMs,
  faults,
}: HeldAgainst): z.infer<typeof heldSchema> {
  return {
    id: `${provider}/${model}/${shape ?? "capacity"}`,
    ...{ provider, model, shape: shape ?? null, state },
    reason: REASONS[cause],
    remaining_ms: Math.ceil(remainingMs),
    faults,
  };
}
