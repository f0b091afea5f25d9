import { TRUST_LEVELS } from "@hearth/protocol";
import type { Handler } from "hono";
import { uniqueSymbol } from "hono-openapi";
import type { z } from "zod";
import { errorSchema } from "../../api/answer-schemas.js";
import type { Description } from "../../api/endpoint.js";
import { named, refTo } from "../../api/named-schemas.js";
import { IDEMPOTENCY_KEY_PATTERN } from "../idempotency/serve-once.js";
import { SESSION_PATTERN, TIMEOUT_SECONDS } from "../read-caller.js";
import type { HttpEnv } from "../routing.js";
import { SEALED_TYPE, sealedAnswerSchema, sealedEnvelopeSchema, sealedEventSchema } from "../sealed/schemas.js";
import type { ApiContent, ApiOperation, ApiParameter, JsonSchema } from "./api-document.js";

/** Whom a route is for. */
export type Audience = "Inference" | "Account" | "Machines" | "Operator" | "Health";

/** What the description tells of a route, but for its method and path, which the route itself tells. */
export interface Operation extends Omit<Description, "answer"> {
  readonly audience: Audience;
  /** Members of the query. */
  readonly query?: z.ZodObject;
  /** Text, or events alone, where there is no schema of a JSON answer. */
  readonly answer: z.ZodType | "text/plain" | "text/event-stream";
  /** 200 unless it says otherwise. */
  readonly status?: 201;
  /** Whether it goes to a provider, so that headers may say to which and how soon. */
  readonly directed?: true;
  /** Whether the body may come sealed to the coordinator; then so does the answer. */
  readonly sealable?: true;
  /** Answers everybody, without a key. */
  readonly open?: true;
}

const ERROR = named("Error", errorSchema);
const SEALED_REQUEST = named("SealedRequest", sealedEnvelopeSchema);
const SEALED_ANSWER = named("SealedAnswer", sealedAnswerSchema);
// No route refers to it: it is what the events of others are inside of.
named("SealedEvent", sealedEventSchema);

/** A handler that carries the description of its route, from which `apiDocument` is made. Costs a request nothing. */
export function described<H extends Handler<HttpEnv>>(operation: Operation, handler: H): H {
  return Object.assign(handler, { [uniqueSymbol]: { spec: describe(operation) } });
}

function describe(operation: Operation): ApiOperation {
  const { id, audience, summary, description, request, sealable, open, status = 200 } = operation;
  const error = { content: errorContent(operation) };
  return {
    operationId: id,
    tags: [audience],
    summary,
    ...(description === undefined ? {} : { description }),
    ...(open === undefined ? {} : { security: [] }),
    ...parametersOf(operation),
    ...(request === undefined ? {} : { requestBody: { required: true, content: requestContent(request, sealable) } }),
    responses: {
      [status]: answerOf(operation),
      "4XX": { description: "The request cannot be served.", ...error },
      "5XX": { description: "Nobody could serve it. `Retry-After` says when to come back.", ...error },
    },
  };
}

function requestContent(request: z.ZodType, sealable: true | undefined): ApiContent {
  return { ...json(request), ...(sealable && { [SEALED_TYPE]: { schema: refTo(SEALED_REQUEST) } }) };
}

function errorContent({ error = ERROR, sealable }: Operation): ApiContent {
  return { ...json(error), ...(sealable && sealedAnswer()) };
}

function answerOf({ answer, event, sealable }: Operation): ApiOperation["responses"][string] {
  if (answer === "text/plain") {
    return { description: "The answer.", content: { [answer]: { schema: { type: "string" } } } };
  }
  if (answer === "text/event-stream") {
    return { description: "Events.", content: { [answer]: { schema: event === undefined ? {} : refTo(event) } } };
  }
  const whole = { ...json(answer), ...(sealable && sealedAnswer()) };
  if (event === undefined) return { description: "The answer.", content: whole };
  return {
    description: "The answer; events where `stream` is true. Where the request was sealed, each is a SealedEvent.",
    content: { ...whole, "text/event-stream": { schema: refTo(event) } },
  };
}

const json = (schema: z.ZodType): ApiContent => ({ "application/json": { schema: refTo(schema) } });

const sealedAnswer = (): ApiContent => ({ [SEALED_TYPE]: { schema: refTo(SEALED_ANSWER) } });

function parametersOf({ directed, query }: Operation): Pick<ApiOperation, "parameters"> {
  const parameters = [...(directed ? REQUEST_HEADERS : []), ...(query === undefined ? [] : queryOf(query))];
  return parameters.length === 0 ? {} : { parameters };
}

function queryOf(query: z.ZodObject): ApiParameter[] {
  const { properties = {} } = query.toJSONSchema({ io: "input" }) as JsonSchema;
  return Object.entries(properties).map(([name, schema]) => ({ name, in: "query", schema }));
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
