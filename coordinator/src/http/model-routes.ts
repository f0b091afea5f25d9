import type { IncomingHttpHeaders } from "node:http";
import type { Hono } from "hono";
import { z } from "zod";
import type { Principals } from "../accounts/resolution.js";
import { modelListSchema, modelSchema } from "../api/answer-schemas.js";
import { checkBody } from "../api/check-body.js";
import { findModel, type ModelPage, type ModelReader, type ModelSources, modelListSteps } from "../api/models.js";
import { named } from "../api/named-schemas.js";
import { inManyTurns } from "../platform/steps.js";
import { authenticate } from "./authenticate.js";
import { described, type Operation } from "./openapi/operation.js";
import { type HttpEnv, wantsAnthropicForm } from "./routing.js";

export interface ModelDeps {
  readonly principals: Principals;
  /** As they are now. */
  readonly models: () => ModelSources;
}

/** Anthropic's bounds of a page; without a limit there is one page of as many as it may have. */
const MAX_LIMIT = 1_000;

const cursor = z.string().max(256).optional();
const pageSchema = z.object({
  limit: z.coerce.number().int().min(1).max(MAX_LIMIT).default(MAX_LIMIT),
  after_id: cursor,
  before_id: cursor,
});

const LIST: Operation = {
  id: "listModels",
  audience: "Inference",
  summary: "List what is served now",
  description: "With an `anthropic-version` header in Anthropic's form, in pages.",
  query: pageSchema,
  answer: named("ModelList", modelListSchema),
};

const RETRIEVE: Operation = {
  id: "retrieveModel",
  audience: "Inference",
  summary: "Find a model by its id",
  description:
    "The id may hold slashes, escaped or not. With an `anthropic-version` header it comes in Anthropic's form.",
  answer: named("Model", modelSchema),
};

/** The models that are served now, in the form of whoever asks. */
export function modelRoutes(app: Hono<HttpEnv>, { principals, models }: ModelDeps): void {
  const readerOf = async (headers: IncomingHttpHeaders): Promise<ModelReader> => {
    const { account, allowedModels } = await authenticate(headers, principals, "inference", "read");
    return { account, allowedModels, form: wantsAnthropicForm(headers) ? "anthropic" : "openai" };
  };
  app.get(
    "/v1/models",
    described(LIST, async (c) => {
      const reader = await readerOf(c.env.incoming.headers);
      const page = reader.form === "anthropic" ? readPage(c.req.query()) : {};
      const list = await inManyTurns(modelListSteps(models(), reader, page));
      c.header("Content-Type", "application/json");
      return c.body(list);
    }),
  );
  // Ids of models may hold slashes, as on Hugging Face.
  app.get(
    "/v1/models/:id{.+}",
    described(RETRIEVE, async (c) => {
      const reader = await readerOf(c.env.incoming.headers);
      return c.json(findModel(models(), c.req.param("id") ?? "", reader));
    }),
  );
}

function readPage(query: Readonly<Record<string, string>>): ModelPage {
  const { limit, after_id: after, before_id: before } = checkBody(pageSchema, query);
  return { limit, after, before };
}
