import { expect } from "vitest";
import { loadOpenAiSchema, type OpenAiSchema } from "./openai-schema.js";

/**
 * A `fetch` for an SDK that also judges everything that comes back by OpenAI's own schema. It may take the place of the
 * global one, for an SDK that can be told of no other.
 */
export interface CheckedFetch {
  readonly fetch: typeof fetch;
  /** Fails the test for every answer or event that was not as the schema says. Call it when the traffic is over. */
  verify(): Promise<void>;
}

/** By path: the schema of a whole answer, and the one of an event. */
const SCHEMAS: Readonly<Record<string, { readonly whole: string; readonly event?: string }>> = {
  "/v1/chat/completions": { whole: "CreateChatCompletionResponse", event: "CreateChatCompletionStreamResponse" },
  "/v1/completions": { whole: "CreateCompletionResponse", event: "CreateCompletionResponse" },
  "/v1/embeddings": { whole: "CreateEmbeddingResponse" },
  "/v1/responses": { whole: "Response", event: "ResponseStreamEvent" },
  "/v1/responses/compact": { whole: "CompactResource" },
  "/v1/responses/input_tokens": { whole: "TokenCountsResource" },
  "/v1/models": { whole: "ListModelsResponse" },
};

export function checkedFetch(): CheckedFetch {
  const schema = loadOpenAiSchema();
  const checks: Promise<string[]>[] = [];
  const send = globalThis.fetch;
  return {
    async fetch(input, init) {
      const response = await send(input, init);
      // The specification says nothing of what a deletion answers.
      const isJudged = init?.method !== "DELETE";
      if (schema !== undefined && isJudged)
        checks.push(check(schema, new URL(response.url).pathname, response.clone()));
      return response;
    },
    async verify() {
      const problems = await Promise.all(checks);
      expect(problems.flat()).toEqual([]);
    },
  };
}

async function check(schema: OpenAiSchema, path: string, response: Response): Promise<string[]> {
  const type = response.headers.get("content-type") ?? "";
  const text = await response.text().catch(() => undefined); // aborted by the test: nothing to judge
  if (text === undefined) return [];
  if (type.startsWith("text/event-stream")) return eventProblems(schema, path, text);
  if (!type.startsWith("application/json")) return [`${path} answers with ${type}`];
  if (!response.ok) return schema.problems("ErrorResponse", JSON.parse(text));
  const name = SCHEMAS[path]?.whole ?? schemaOfOne(path);
  if (name === undefined) return [`no schema for ${path}`];
  return schema.problems(name, name === "CreateEmbeddingResponse" ? decoded(JSON.parse(text)) : JSON.parse(text));
}

/** What is answered under the id of a thing. */
function schemaOfOne(path: string): string | undefined {
  if (path.startsWith("/v1/models/")) return "Model";
  if (/^\/v1\/responses\/[^/]+\/input_items$/.test(path)) return "ResponseItemList";
  return /^\/v1\/responses\/[^/]+(?:\/cancel)?$/.test(path) ? "Response" : undefined;
}

/** The schema knows vectors as numbers only, though the official SDK asks for base64. */
function decoded(answer: { readonly data?: readonly { readonly embedding?: unknown }[] }): unknown {
  const data = answer.data?.map((each) =>
    typeof each.embedding === "string" ? { ...each, embedding: [...Buffer.from(each.embedding, "base64")] } : each,
  );
  return { ...answer, data };
}

function eventProblems(schema: OpenAiSchema, path: string, text: string): string[] {
  const name = SCHEMAS[path]?.event;
  if (name === undefined) return [`${path} has no events`];
  const events = text.match(/^data: .*$/gm) ?? [];
  return events
    .map((line) => line.slice("data: ".length))
    .filter((data) => data !== "[DONE]")
    .map((data) => JSON.parse(data) as { error?: unknown })
    .flatMap((event) => schema.problems(isBareError(event) ? "ErrorResponse" : name, event));
}

/** A chat's error in the middle of a stream: the envelope, not an event of the Responses API. */
function isBareError(event: { error?: unknown; type?: unknown }): boolean {
  return event.error !== undefined && event.type === undefined;
}
