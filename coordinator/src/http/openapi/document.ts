import type { Hono } from "hono";
import { generateSpecs } from "hono-openapi";
import { namedSchemas } from "../../api/named-schemas.js";
import { VERSION } from "../../platform/version.js";
import type { HttpEnv } from "../routing.js";
import type { ApiDocument } from "./api-document.js";

const DESCRIPTION = `One private, OpenAI-compatible API over many machines. Requests are sealed to the machine that answers.
A failure before the first token is tried elsewhere and never seen; one after it is told in the stream.
Content travels inside the request: nothing is fetched from addresses. A body is bounded in its bytes (16 MiB) and in
the number of its members, list entries, lists and objects; a refusal (400, 408, 413, 415, 429) names the bound.`;

const TAGS: ApiDocument["tags"] = [
  { name: "Inference", description: "For consumers, with an API key." },
  {
    name: "Account",
    description: "For consumers and owners, with an API key of their account: what it used, what it has.",
  },
  { name: "Machines", description: "For owners of machines, with an API key of their account." },
  {
    name: "Operator",
    description: "For the operator, with the admin key or a key of the scope `admin`; `read` is enough to look.",
  },
  { name: "Health", description: "For load balancers and monitors, without a key." },
];

/** The description of an application's API: its routes that were `described`, with the schemas that they go by. */
export async function apiDocument(app: Hono<HttpEnv>): Promise<ApiDocument> {
  const documentation = {
    info: { title: "Hearth", version: VERSION, description: DESCRIPTION },
    security: [{ bearer: [] }, { apiKey: [] }],
    tags: [...TAGS],
    components: {
      schemas: namedSchemas(),
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer" },
        apiKey: { type: "apiKey", in: "header", name: "x-api-key" },
      },
    },
  };
  const specs: unknown = await generateSpecs(app, { documentation: documentation as object });
  return specs as ApiDocument;
}
