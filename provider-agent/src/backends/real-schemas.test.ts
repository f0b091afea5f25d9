import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { repairTools, type SchemaLimit } from "@hearth/dialects";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { textOf } from "../testing/backend-contract.js";
import { LlamaServer } from "../testing/llama-server.js";
import { OpenAiBackend } from "./openai-backend.js";

const program = process.env["LLAMA_SERVER"];
const root = fileURLToPath(new URL("../../..", import.meta.url));
const reference = process.env["HEARTH_REFERENCE_DIR"] ?? join(root, ".cache/reference");
const gptOss = join(reference, "chat-templates/llama.cpp/openai-gpt-oss-120b.jinja");
// biome-ignore lint/suspicious/noConsole: whoever reads the run must see that tests were skipped
if (program === undefined) console.warn("NOTICE: LLAMA_SERVER is not set; tests with a real llama-server are skipped.");
// biome-ignore lint/suspicious/noConsole: whoever reads the run must see that tests were skipped
else if (!existsSync(gptOss)) console.warn(`NOTICE: no ${gptOss}; its test is skipped (set HEARTH_REFERENCE_DIR).`);

/** Reads a type that is a string in every node, as real templates do: `in` fails at a list and at nothing. */
const READS_TYPES = `{%- macro show(node) -%}
{{- node.type if node.type in ["string", "integer", "number", "boolean", "null", "array", "object"] else "?" -}}
{%- if node.type == "array" -%} of {{ show(node['items']) }}{%- endif -%}
{%- for name, part in (node.properties or {}) | dictsort -%} {{ name }}: {{ show(part) }} {%- endfor -%}
{%- endmacro -%}
{%- for tool in tools or [] -%}{{ tool.function.name }}({{ show(tool.function.parameters) }}) {% endfor -%}
{%- for message in messages -%}<|{{ message.role }}|>{{ message.content }}
{% endfor -%}<|assistant|>`;

const property = (x: unknown): object => ({ type: "object", properties: { x }, required: ["x"] });

const SCHEMAS: Readonly<Record<string, object>> = {
  "a list or null": property({
    anyOf: [{ type: "array", items: { type: "string" } }, { type: "null" }],
    default: null,
  }),
  "members of any value": property({ type: "object", additionalProperties: {} }),
  "a text or null": property({ type: ["string", "null"] }),
  "either of two": {
    type: "object",
    properties: { a: {}, b: {} },
    anyOf: [{ required: ["a"] }, { required: ["b"] }],
  },
  anything: property({}),
  "anything that is described": property({ description: "d" }),
  "values of two kinds": property({ enum: ["a", 1, null] }),
  "one value": property({ const: "a" }),
  "a reference": { ...property({ $ref: "#/$defs/T" }), $defs: { T: { type: "object", properties: { t: {} } } } },
  "a tree": {
    ...property({ $ref: "#/$defs/T" }),
    $defs: { T: { type: "object", properties: { of: { type: "array", items: { $ref: "#/$defs/T" } } } } },
  },
  "a range": property({ minimum: 3 }),
  places: property({ prefixItems: [{ type: "string" }, { type: "integer" }] }),
  "a list of anything": property({ type: "array" }),
  "a list of some": property({ type: ["array", "null"], items: { type: "integer" }, minItems: 2 }),
  "a sum": property({ allOf: [{ type: "object", properties: { a: { type: "string" } } }] }),
  "only a demand": property({ required: ["a"] }),
};

const toolsOf = (parameters: object): object[] => [
  { type: "function", function: { name: "f", description: "d", parameters } },
];

function repaired(schema: object, limit: SchemaLimit): object {
  const text = repairTools(JSON.stringify({ tools: toolsOf(schema) }), limit);
  return text === undefined ? schema : JSON.parse(text).tools[0].function.parameters;
}

describe.skipIf(program === undefined)("a real llama-server", () => {
  let folder: string;
  let server: LlamaServer;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "hearth-templates-"));
    const template = join(folder, "reads-types.jinja");
    writeFileSync(template, READS_TYPES);
    server = await LlamaServer.start(program ?? "", ["--chat-template-file", template]);
  }, 30_000);
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  it.each(Object.entries(SCHEMAS))("makes a grammar that allows the same of %s", async (_name, schema) => {
    const before = await grammarOf(server, schema);
    expect(await grammarOf(server, repaired(schema, "loose_types"))).toEqual(before);
  });

  it.each(Object.entries(SCHEMAS))("whose template reads types answers with %s", async (_name, schema) => {
    expect(await askThroughBackend(server, schema)).toBe(200);
  });

  it.each([
    ["a boolean schema", property({ type: "object", properties: { a: true } })],
    ["a list of types", property({ type: ["string", "null"] })],
    ["no type", property({})],
  ])("that refuses %s answers through the agent", async (_name, schema) => {
    const refused = await post(server, "/v1/chat/completions", chatWith(schema));
    expect(refused.status).toBeGreaterThanOrEqual(400);
    expect(await askThroughBackend(server, schema)).toBe(200);
  });

  it.skipIf(!existsSync(gptOss)).each(Object.entries(SCHEMAS).slice(0, 4))(
    "with gpt-oss's template takes %s",
    async (_name, schema) => {
      await using other = await LlamaServer.start(program ?? "", ["--chat-template-file", gptOss]);
      expect(await askThroughBackend(other, schema)).toBe(200);
    },
    30_000,
  );
});

const chatWith = (parameters: object): object => ({
  model: "pico",
  messages: [{ role: "user", content: "hi" }],
  max_tokens: 1,
  stream: true,
  tools: toolsOf(parameters),
});

const post = (server: LlamaServer, path: string, body: object): Promise<Response> =>
  fetch(server.origin + path, { method: "POST", body: JSON.stringify(body) });

async function askThroughBackend(server: LlamaServer, schema: object): Promise<number> {
  const backend = new OpenAiBackend({ baseUrl: server.url, models: [] });
  const body = Buffer.from(JSON.stringify(chatWith(schema)));
  const response = await backend.open(
    { dialect: "chat_completions", model: "pico", body },
    new AbortController().signal,
  );
  await textOf(response);
  await backend.stop();
  return response.status;
}

/** The rules of the grammar that the server makes of a schema, but for those that only name another one. */
async function grammarOf(server: LlamaServer, schema: object): Promise<ReadonlyMap<string, string>> {
  const response = await post(server, "/completion", { prompt: "a", n_predict: 1, json_schema: schema });
  const answer = (await response.json()) as { generation_settings?: { grammar?: string } };
  const lines = (answer.generation_settings?.grammar ?? "").trim().split("\n");
  const rules = new Map(lines.map((line): [string, string[]] => [line.split(" ::= ")[0] ?? "", tokensOf(line)]));
  const named = new Map<string, string>();
  const found = new Map<string, string>();
  const visit = (rule: string): string => {
    const target = nameless(rules, rule);
    const known = named.get(target);
    if (known !== undefined) return known;
    const name = `rule${named.size}`;
    named.set(target, name);
    found.set(name, (rules.get(target) ?? []).map((token) => (rules.has(token) ? visit(token) : token)).join(" "));
    return name;
  };
  visit("root");
  expect(found.size).toBeGreaterThan(1);
  return found;
}

const tokensOf = (line: string): string[] =>
  line.slice(line.indexOf(" ::= ") + 5).match(/"(?:[^"\\]|\\.)*"|\[(?:[^\]\\]|\\.)*\]|[A-Za-z][\w-]*|\S/g) ?? [];

function nameless(rules: ReadonlyMap<string, readonly string[]>, rule: string): string {
  const [only, ...more] = rules.get(rule) ?? [];
  return only !== undefined && more.length === 0 && rules.has(only) ? nameless(rules, only) : rule;
}
