import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { BackendDialect, RequestId } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import type { InferenceRequest } from "../../request/inference-request.js";
import { chatCompletionSchema } from "../chat-completions/parse.js";
import { toChatRequest } from "../chat-completions/to-internal.js";
import { completionSchema } from "../completions/parse.js";
import { toCompletionRequest } from "../completions/to-internal.js";
import { DENIED_MEMBERS } from "../denied-members.js";
import { embeddingSchema } from "../embeddings/parse.js";
import { toEmbeddingRequest } from "../embeddings/to-internal.js";
import { createMessageSchema } from "../messages/parse.js";
import { toMessagesRequest } from "../messages/to-internal.js";
import { createResponseSchema } from "../responses/parse.js";
import { toResponsesRequest } from "../responses/to-internal.js";
import { type Fate, REQUEST_MEMBERS, sortMembers } from "./request-members.js";
import { SAMPLING_MEMBERS } from "./sampling-members.js";

interface Of {
  readonly schema: { readonly shape: object };
  readonly read: (raw: Buffer, id: RequestId) => InferenceRequest;
  /** A body with nothing but what it must have. */
  readonly least: object;
  /** In OpenAI's specification. */
  readonly specified?: string;
}

const messages = [{ role: "user", content: "hi" }];
const DIALECTS: Readonly<Record<BackendDialect, Of>> = {
  chat_completions: {
    schema: chatCompletionSchema,
    read: toChatRequest,
    least: { messages },
    specified: "CreateChatCompletionRequest",
  },
  completions: {
    schema: completionSchema,
    read: toCompletionRequest,
    least: { prompt: "hi" },
    specified: "CreateCompletionRequest",
  },
  responses: {
    schema: createResponseSchema,
    read: toResponsesRequest,
    least: { input: "hi" },
    specified: "CreateResponse",
  },
  messages: { schema: createMessageSchema, read: toMessagesRequest, least: { messages, max_tokens: 5 } },
  embeddings: {
    schema: embeddingSchema,
    read: toEmbeddingRequest,
    least: { input: "hi" },
    specified: "CreateEmbeddingRequest",
  },
};
const NAMES = Object.keys(DIALECTS) as BackendDialect[];

/** A value of each type that a member of a backend's may have. */
const VALUES: readonly unknown[] = [1, 0.5, true, "x", "left", ["x"], [1], { a: 1 }, { a: "b" }, [{ a: 1 }]];

function valueFor(name: string): unknown {
  const schema = SAMPLING_MEMBERS[name];
  return schema === undefined ? "x" : VALUES.find((value) => schema.safeParse(value).success);
}

/** The bodies that a machine gets that speaks the dialect, and one that only chats. */
function sent(
  dialect: BackendDialect,
  members: object,
): { readonly request: InferenceRequest; readonly texts: string[] } {
  const { read, least } = DIALECTS[dialect];
  const request = read(Buffer.from(JSON.stringify({ model: "m", ...least, ...members })), "req_1" as RequestId);
  const forms = [request.form({ dialects: [dialect] }, "m"), request.form({ dialects: [] }, "m")];
  return { request, texts: forms.map(({ body }) => Buffer.from(body).toString()) };
}

function namesOf(dialect: BackendDialect, fate: Fate): string[] {
  return Object.entries(REQUEST_MEMBERS[dialect]).flatMap(([name, is]) => (is === fate ? [name] : []));
}

describe.each(NAMES)("a member of %s", (dialect) => {
  it("that its schema looks at has a fate that is not to be lost", () => {
    const { shape } = DIALECTS[dialect].schema;
    const fates = Object.keys(shape).map((name) => [name, REQUEST_MEMBERS[dialect][name]]);
    expect(fates.filter(([, fate]) => fate !== "read" && fate !== "passed" && fate !== "kept_back")).toEqual([]);
  });

  it.each(namesOf(dialect, "passed"))("that backends take reaches them as it came: %s", (name) => {
    const value = valueFor(name);
    const { request, texts } = sent(dialect, { [name]: value });
    for (const text of texts) expect(JSON.parse(text)).toMatchObject({ [name]: value });
    expect(request.ignored).toEqual([]);
  });

  it.each([...namesOf(dialect, "kept_back"), ...namesOf(dialect, "left_out"), "x_unknown", "constructor"])(
    "that is for nobody there goes no further: %s",
    (name) => {
      const value = name === "metadata" ? { secret: "x" } : "x-secret";
      const { request, texts } = sent(dialect, { [name]: name === "store" ? false : value });
      for (const text of texts) expect(text).not.toContain("secret");
      const isTold = !namesOf(dialect, "kept_back").includes(name);
      expect(request.ignored).toEqual(isTold ? [name] : []);
      expect(sent(dialect, { [name]: null }).request.ignored).toEqual([]);
    },
  );
});

it.each<[string, unknown]>([
  ["min_p", 2],
  ["min_p", "0.5"],
  ["top_k", 1.5],
  ["mirostat", 3],
  ["frequency_penalty", -3],
  ["stop_token_ids", "1"],
  ["grammar", { a: 1 }],
  ["enable_thinking", "yes"],
  ["thinking", { type: { deep: true } }],
  ["guided_choice", [1]],
  ["logit_bias", "x"],
  ["truncation_side", "middle"],
  ["frequency_context_size", -1],
])("a backend's member that has not the type or the range it is published with is a 400: %s = %j", (name, value) => {
  for (const dialect of ["chat_completions", "completions", "responses"] as const) {
    expect(() => sortMembers(dialect, { [name]: value })).toThrow(
      expect.objectContaining({
        code: "invalid_request",
        details: expect.objectContaining({ param: expect.stringContaining(name) }),
      }),
    );
  }
});

const root = fileURLToPath(new URL("../../../..", import.meta.url));
const openapi = `${process.env["HEARTH_REFERENCE_DIR"] ?? `${root}/.cache/reference`}/openai-openapi/openapi.json`;
if (!existsSync(openapi)) {
  // biome-ignore lint/suspicious/noConsole: whoever reads the run must see that tests were skipped
  console.warn(`NOTICE: no ${openapi}; OpenAI's members are not walked (HEARTH_REFERENCE_DIR).`);
}

describe.skipIf(!existsSync(openapi))("OpenAI's specification", () => {
  it.each(NAMES.filter((name) => DIALECTS[name].specified))("has no member of %s that is unknown here", (dialect) => {
    const { components } = JSON.parse(readFileSync(openapi, "utf8"));
    const properties = propertiesOf(components.schemas, components.schemas[DIALECTS[dialect].specified ?? ""]);
    expect(properties.size).toBeGreaterThan(4);
    expect([...properties].filter((name) => !(name in REQUEST_MEMBERS[dialect]))).toEqual([]);
  });
});

interface Schema {
  readonly $ref?: string;
  readonly properties?: object;
  readonly allOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
}

function propertiesOf(
  all: Readonly<Record<string, Schema>>,
  { properties = {}, allOf = [], anyOf = [] }: Schema,
): Set<string> {
  const parts = [...allOf, ...anyOf].map((part) => (part.$ref ? (all[part.$ref.split("/").at(-1) ?? ""] ?? {}) : part));
  return new Set([...Object.keys(properties), ...parts.flatMap((part) => [...propertiesOf(all, part)])]);
}

const WORDS: Readonly<Record<Fate, string>> = {
  read: "read",
  passed: "passed",
  kept_back: "kept back",
  left_out: "left out",
};

it.each<[string, unknown]>([
  // SGLang publishes a schema as a text, llama-server as an object and what is gone on with by its name.
  ["json_schema", '{"type":"object"}'],
  ["json_schema", { type: "object" }],
  ["continue_final_message", "reasoning_content"],
])("a backend's member may be of each type that some backend publishes: %s = %j", (name, value) => {
  for (const text of sent("chat_completions", { [name]: value }).texts) {
    expect(JSON.parse(text)).toMatchObject({ [name]: value });
  }
});

it("stands in the table of docs/api.md, with its fate in each dialect", () => {
  const document = readFileSync(`${root}/docs/api.md`, "utf8");
  const rows = [...document.matchAll(/^\| `(\w+)` +\|([^\n]*)\|$/gm)].map(([, name, cells]) => [
    name,
    ...(cells ?? "").split("|").map((cell) => cell.trim()),
  ]);
  const all = [...new Set(NAMES.flatMap((dialect) => Object.keys(REQUEST_MEMBERS[dialect])))].sort();
  const expected = all.map((name) => [
    name,
    ...NAMES.map((dialect) => {
      const fate = REQUEST_MEMBERS[dialect][name];
      return fate === undefined ? "left out" : WORDS[fate];
    }),
  ]);
  expect(rows).toEqual(expected);
  for (const name of DENIED_MEMBERS) expect(document).toContain(`\`${name}\``);
});
