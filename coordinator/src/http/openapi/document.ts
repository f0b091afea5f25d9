import { TRUST_LEVELS } from "@hearth/protocol";
import { z } from "zod";
import { IDEMPOTENCY_KEY_PATTERN } from "../idempotency/serve-once.js";
import { SESSION_PATTERN, TIMEOUT_SECONDS } from "../read-caller.js";
import { SEALED_TYPE, sealedAnswerSchema, sealedRequestSchema } from "../sealed/schemas.js";
import { NAMED_SCHEMAS, OPERATIONS, type Operation } from "./operations.js";

/** An OpenAPI 3.1 description, as far as the documentation page reads it. */
export interface ApiDocument {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, ApiOperation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, JsonSchema>>;
    readonly securitySchemes: Readonly<Record<string, object>>;
  };
  readonly security: readonly object[];
}

export interface ApiOperation {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly ApiParameter[];
  /** Absent where the document's own applies. */
  readonly security?: readonly object[];
  readonly requestBody?: { readonly required: boolean; readonly content: ApiContent };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content: ApiContent }>>;
}

export interface ApiParameter {
  readonly name: string;
  readonly in: "path" | "header";
  readonly required?: boolean;
  readonly description?: string;
  readonly schema: JsonSchema;
}

export type ApiContent = Readonly<Record<string, { readonly schema: JsonSchema }>>;

export interface JsonSchema {
  readonly [keyword: string]: unknown;
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
}

const DESCRIPTION = `One private, OpenAI-compatible API over many machines. Requests are sealed to the machine that answers.
A failure before the first token is tried elsewhere and never seen; one after it is told in the stream.
Content travels inside the request: nothing is fetched from addresses. A body is bounded in its bytes (16 MiB) and in
the number of its members, list entries, lists and objects; a refusal (400, 408, 413, 415, 429) names the bound.`;

/** The description of the consumer's API, made from the schemas that requests are checked against. */
export function apiDocument(): ApiDocument {
  return {
    openapi: "3.1.0",
    info: { title: "Hearth", version: "0.1.0", description: DESCRIPTION },
    security: [{ bearer: [] }, { apiKey: [] }],
    paths: pathsOf(OPERATIONS),
    components: {
      schemas: namedSchemas(),
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer" },
        apiKey: { type: "apiKey", in: "header", name: "x-api-key" },
      },
    },
  };
}

function namedSchemas(): Record<string, JsonSchema> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(NAMED_SCHEMAS)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { uri: (id) => `#/components/schemas/${id}`, io: "input" });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, { $schema: _dialect, $id: _uri, ...schema }]) => [id, schema as JsonSchema]),
  );
}

function pathsOf(operations: readonly Operation[]): Record<string, Record<string, ApiOperation>> {
  const paths: Record<string, Record<string, ApiOperation>> = {};
  for (const operation of operations) {
    paths[operation.path] = { ...paths[operation.path], [operation.method]: describe(operation) };
  }
  return paths;
}

function describe(operation: Operation): ApiOperation {
  const { id, summary, description, request, error, sealable, open } = operation;
  return {
    operationId: id,
    summary,
    ...(description === undefined ? {} : { description }),
    ...(open === undefined ? {} : { security: [] }),
    ...parametersOf(operation),
    ...(request === undefined ? {} : { requestBody: { required: true, content: requestContent(request, sealable) } }),
    responses: {
      "200": answerOf(operation),
      "4XX": { description: "The request cannot be served.", content: errorContent(error, sealable) },
      "5XX": {
        description: "Nobody could serve it. `Retry-After` says when to come back.",
        content: errorContent(error, sealable),
      },
    },
  };
}

function requestContent(request: z.ZodType, sealable: true | undefined): ApiContent {
  return { ...json(request), ...(sealable && { [SEALED_TYPE]: { schema: ref(sealedRequestSchema) } }) };
}

function errorContent(error: z.ZodType, sealable: true | undefined): ApiContent {
  return { ...json(error), ...(sealable && SEALED_ANSWER) };
}

function answerOf({ answer, event, sealable }: Operation): ApiOperation["responses"][string] {
  const whole = { ...json(answer), ...(sealable && SEALED_ANSWER) };
  if (event === undefined) return { description: "The answer.", content: whole };
  return {
    description: "The answer; events where `stream` is true. Where the request was sealed, each is a SealedEvent.",
    content: { ...whole, "text/event-stream": { schema: ref(event) } },
  };
}

function header(name: string, description: string, schema: JsonSchema): ApiParameter {
  return { name, in: "header", description, schema };
}

/** What the headers of a request for inference may say of how it is to be served. */
const REQUEST_HEADERS: readonly ApiParameter[] = [
  header("X-Hearth-Providers", "Only these providers may serve: ids or serial hashes, separated by commas.", {
    type: "string",
  }),
  header("X-Hearth-Route", "`self`: only the caller's own machines. `prefer`: those first.", {
    enum: ["self", "prefer"],
  }),
  header("X-Hearth-Min-Trust", "How much a provider must have proved about itself at least.", { enum: TRUST_LEVELS }),
  header(
    "X-Hearth-Timeout",
    "Seconds until the first content; 504 after that. X-Stainless-Timeout and X-Stainless-Read-Timeout, which SDKs send, shorten it.",
    { type: "number", minimum: TIMEOUT_SECONDS.least, maximum: TIMEOUT_SECONDS.most },
  ),
  header("X-Hearth-Session", "The caller's name for a conversation, so that its requests may find the same machine.", {
    type: "string",
    pattern: SESSION_PATTERN,
  }),
  header("Idempotency-Key", "A name for this very request: whatever comes with it again gets the first one's answer.", {
    type: "string",
    pattern: IDEMPOTENCY_KEY_PATTERN,
  }),
];

const ID_PARAMETER: ApiParameter = { name: "id", in: "path", required: true, schema: { type: "string" } };

function parametersOf({ path, directed }: Operation): Pick<ApiOperation, "parameters"> {
  if (directed) return { parameters: REQUEST_HEADERS };
  return path.includes("{id}") ? { parameters: [ID_PARAMETER] } : {};
}

const json = (schema: z.ZodType): ApiContent => ({ "application/json": { schema: ref(schema) } });

const SEALED_ANSWER: ApiContent = { [SEALED_TYPE]: { schema: ref(sealedAnswerSchema) } };

function ref(schema: z.ZodType): JsonSchema {
  const [name] = Object.entries(NAMED_SCHEMAS).find(([, each]) => each === schema) ?? [];
  return { $ref: `#/components/schemas/${name}` };
}
