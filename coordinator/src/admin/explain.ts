import { TRUST_LEVELS } from "@hearth/protocol";
import type { Hono } from "hono";
import { z } from "zod";
import { named } from "../api/named-schemas.js";
import { readFormOf } from "../http/accounts/key-routes.js";
import { described, type Operation } from "../http/openapi/operation.js";
import type { HttpEnv } from "../http/routing.js";
import { describeGate, gateSchema } from "../http/timeline/gate-forms.js";
import { describeTerms, termsSchema } from "../http/timeline/score-terms.js";
import type { ExplainedProvider, Explanation } from "../selection/explain.js";
import { shapeOf, type Traits } from "../selection/traits.js";

/** The shape of a request: nothing of what it would say. */
const questionSchema = z.strictObject({
  model: z.string().min(1).max(128),
  tools: z.boolean().default(false),
  vision: z.boolean().default(false),
  structured_output: z.boolean().default(false),
  logprobs: z.boolean().default(false),
  prompt_tokens: z.int().min(0).max(1e9).default(100),
  max_tokens: z.int().min(1).max(1e9).default(1_024),
  account: z
    .string()
    .min(1)
    .max(128)
    .optional()
    .meta({ description: "Who would ask; absent = somebody without machines." }),
  route: z.enum(["self", "prefer"]).optional(),
  min_trust: z.enum(TRUST_LEVELS).optional(),
  providers: z.array(z.string().min(1).max(128)).max(256).optional(),
});

const machineSchema = z.object({
  provider: z.string(),
  name: z.string().nullable(),
  account: z.string(),
  model: z.string().meta({ description: "The build that it would serve." }),
  eligible: z.boolean(),
  gates: z.array(gateSchema).meta({ description: "All that are closed, in the order in which they are asked." }),
  terms: termsSchema.meta({ description: "They add up to `total_ms`." }),
  total_ms: z.number().meta({ description: "Its score, ms: lower is better." }),
  rank: z.int().nullable(),
  expected_ms: z.number().meta({ description: "When its first content would be expected." }),
  probe: z.enum(["none", "free", "claimed"]).meta({ description: "Whether the request would be the breaker's probe." }),
});

const EXPLAIN: Operation = {
  id: "explain",
  audience: "Operator",
  summary: "Tell what selection would think of every machine, for a request that is not made",
  description:
    "By the function that requests are routed by. It claims, counts and explores nothing. Among machines whose scores are " +
    "close to the best the one that holds the conversation's beginning, or has least to do, is taken: the first rank need not be it.",
  request: named("ExplainQuestion", questionSchema),
  answer: named(
    "Explanation",
    z.object({
      object: z.literal("list"),
      model: z.string(),
      plan: z.array(z.string()).meta({ description: "The builds that the name stands for, best first." }),
      data: z.array(named("ExplainedProvider", machineSchema)),
      left_out: z.int().meta({ description: "Machines beyond what is looked at for one question." }),
    }),
  ),
};

export interface ExplainRouteDeps {
  readonly explain: (traits: Traits) => Explanation;
}

/** Answers where a request would go, and why. */
export function explainRoute(admin: Hono<HttpEnv>, { explain }: ExplainRouteDeps): void {
  admin.post(
    "/explain",
    described(EXPLAIN, async (c) => {
      const question = await readFormOf(c, questionSchema);
      const { builds, providers, leftOut } = explain(traitsOf(question));
      const data = providers.map(describe);
      return c.json({ object: "list", model: question.model, plan: builds, data, left_out: leftOut });
    }),
  );
}

function traitsOf(question: z.infer<typeof questionSchema>): Traits {
  const { providers, prompt_tokens: promptTokens } = question;
  return {
    model: question.model,
    shape: shapeOf(question),
    structuredOutput: question.structured_output,
    logprobs: question.logprobs,
    ...{ promptTokens, leastPromptTokens: promptTokens, maxTokens: question.max_tokens },
    account: question.account ?? "",
    allowlist: providers && new Set(providers),
    route: question.route ?? "any",
    minTrust: question.min_trust,
  };
}

function describe(each: ExplainedProvider): z.infer<typeof machineSchema> {
  const { provider, gates, rank } = each;
  return {
    provider: provider.id,
    name: provider.name ?? null,
    account: provider.account,
    model: each.model,
    eligible: gates.length === 0,
    gates: gates.map(describeGate),
    terms: describeTerms(each.terms),
    total_ms: Math.round(each.total * 1_000) / 1_000,
    rank: rank ?? null,
    expected_ms: Math.round(each.expectation.expectedMs),
    probe: each.probe,
  };
}
