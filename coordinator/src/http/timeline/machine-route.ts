import { GATES, machineAdvice, type ProviderId, pauseWords } from "@hearth/protocol";
import type { Context, Hono } from "hono";
import { z } from "zod";
import { named } from "../../api/named-schemas.js";
import type { Provider } from "../../fleet/provider.js";
import type { ProviderDirectory } from "../../fleet/provider-directory.js";
import { HearthError } from "../../platform/errors.js";
import { eligibilityOf } from "../../selection/eligibility.js";
import type { ExplainedModel } from "../../selection/explain.js";
import { type MachineHour, machineHour } from "../../timeline/machine-hour.js";
import type { RecentRequests } from "../../timeline/recent-requests.js";
import type { DispatchFacts } from "../../timeline/request-facts.js";
import { reasonOf } from "../../timeline/words.js";
import { describePause, type PauseDeps, pauseSchema } from "../enrolment/pause-routes.js";
import { described, type Operation } from "../openapi/operation.js";
import { describeProvider, type ListedWith, providerSchema } from "../provider-list.js";
import type { HttpEnv } from "../routing.js";
import { describeGate, gateSchema } from "./gate-forms.js";
import { describeTerms, fine, termsSchema } from "./score-terms.js";

export interface MachineInsightDeps extends ListedWith {
  readonly directory: Pick<ProviderDirectory, "link" | "providers" | "workOf" | "distrustedMs">;
  readonly timelines: Pick<RecentRequests, "since">;
  readonly machinePauses: Pick<PauseDeps["machinePauses"], "of">;
  /** What is thought of a machine for a plain request, for each of its models. */
  readonly explainMachine: (provider: Provider) => readonly ExplainedModel[];
}

const HOUR_MS = 3_600_000;

const count = z.int().min(0);
const eligibilitySchema = z.object({
  model: z.string(),
  eligible: z.boolean(),
  gates: z.array(gateSchema),
  rank: z.int().nullable().meta({ description: "Among those that could serve it now." }),
  able: count.meta({ description: "How many could." }),
  total_ms: z.number(),
  best_ms: z.number().nullable().meta({ description: "The best score of any machine." }),
  terms: termsSchema,
});

const hourSchema = z.object({
  picked: count.meta({ description: "How often it was chosen, by its heartbeats." }),
  lost: count.meta({ description: "How often another one was, although nothing was against it." }),
  stopped: z.array(gateSchema.extend({ count })).meta({ description: "How often a gate stopped it, the most first." }),
  requests: count.meta({ description: "Requests for its models, as far as they are remembered." }),
  share: z.number().nullable().meta({ description: "Its attempts among them, from 0 to 1." }),
  attempts: count,
  answered: count,
  failed: count,
  late: count,
  overtaken: count.meta({ description: "Another machine's content came first." }),
  others: z
    .object({ requests: count, total_ms: z.number(), terms: termsSchema })
    .nullable()
    .meta({ description: "What others had first, and what that was expected to cost on average: their scores." }),
});

const insightSchema = providerSchema.omit({ label: true }).extend({
  distrusted_ms: count,
  paused: pauseSchema,
  trust_ends_ms: z
    .int()
    .nullable()
    .meta({ description: "When its last proof no longer counts; `null` = it does not end." }),
  advice: z.array(z.string()).meta({ description: "A line on each model: what stops it, or who goes before it." }),
  eligibility: z.array(eligibilitySchema).meta({ description: "For a plain request of somebody without machines." }),
  last_hour: hourSchema,
  last_request: z
    .object({
      created_at: z.int().meta({ description: "Seconds since 1970." }),
      model: z.string(),
      result: z.enum(["running", "success", "failed", "cancelled"]),
      reason: z.string().nullable(),
    })
    .nullable(),
});

const RETRIEVE: Operation = {
  id: "retrieveOwnMachine",
  audience: "Account",
  summary: "Get what the coordinator thinks of a machine of yours, and why it gets the work that it gets",
  description: "`id` is its id among providers, as `GET /v1/me/providers` tells it.",
  answer: named("MachineInsight", insightSchema),
};

/** The truth for an owner: what stops his machine, or who goes before it. */
export function machineInsightRoute(
  own: Hono<HttpEnv>,
  deps: MachineInsightDeps,
  readAccount: (c: Context<HttpEnv>) => Promise<string>,
): void {
  own.get(
    "/machines/:id",
    described(RETRIEVE, async (c) => {
      const account = await readAccount(c);
      const id = c.req.param("id") as ProviderId;
      const provider = deps.directory.link(id) ?? [...deps.directory.providers()].find((each) => each.id === id);
      if (provider === undefined || provider.account !== account) {
        throw new HearthError("not_found", "There is no such machine of yours that is connected or expected back.");
      }
      return c.json(describe(provider, deps));
    }),
  );
}

function describe(provider: Provider, deps: MachineInsightDeps): z.infer<typeof insightSchema> {
  const { directory, clock, timelines, explainMachine } = deps;
  const { label: _label, ...listed } = describeProvider(provider, deps);
  const models = explainMachine(provider);
  const since = timelines.since(clock.wallTime() - HOUR_MS);
  const hour = machineHour(since, { id: provider.id, models: new Set(provider.models.keys()) });
  const pause = deps.machinePauses.of(provider);
  const endsMs = provider.freshUntil - clock.now();
  return {
    ...listed,
    distrusted_ms: Math.ceil(directory.distrustedMs(provider.id)),
    trust_ends_ms: Number.isFinite(endsMs) ? Math.max(0, Math.round(endsMs)) : null,
    paused: describePause(pause),
    advice: [...(pause === undefined ? [] : [pauseWords(pause)]), ...machineAdvice(models.map(eligibilityOf))],
    eligibility: models.map(describeModel),
    last_hour: describeHour(hour, directory.workOf(provider.id)),
    last_request: describeLast(hour.last),
  };
}

function describeModel(each: ExplainedModel): z.infer<typeof eligibilitySchema> {
  const { model, gates, rank, able, total, bestTotal, terms } = each;
  return {
    ...{ model, eligible: gates.length === 0, gates: gates.map(describeGate) },
    ...{ rank: rank ?? null, able, total_ms: fine(total) },
    best_ms: Number.isFinite(bestTotal) ? fine(bestTotal) : null,
    terms: describeTerms(terms),
  };
}

function describeHour(
  { requests, attempts, answered, failed, late, overtaken, others }: MachineHour,
  { picked, lost, rejected }: ReturnType<ProviderDirectory["workOf"]>,
): z.infer<typeof hourSchema> {
  const stopped = GATES.flatMap((gate) => {
    const times = rejected[gate] ?? 0;
    return times === 0 ? [] : [{ ...describeGate(gate), count: times }];
  });
  return {
    ...{ picked, lost, stopped: stopped.sort((one, other) => other.count - one.count) },
    ...{ requests, share: requests === 0 ? null : fine(attempts / requests) },
    ...{ attempts, answered, failed, late, overtaken },
    others:
      others === undefined
        ? null
        : { requests: others.requests, total_ms: fine(others.totalMs), terms: describeTerms(others.terms) },
  };
}

function describeLast(last: MachineHour["last"]): z.infer<typeof insightSchema>["last_request"] {
  if (last === undefined) return null;
  const { atMs, model, attempt } = last;
  // What came next is the consumer's affair.
  const alone: Pick<DispatchFacts, "attempts"> = { attempts: [attempt] };
  return {
    created_at: Math.floor(atMs / 1_000),
    model,
    result: attempt.result?.type ?? "running",
    reason: reasonOf(attempt, alone),
  };
}
