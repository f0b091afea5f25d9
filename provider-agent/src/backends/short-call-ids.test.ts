import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BackendDialect } from "@hearth/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { textOf } from "../testing/backend-contract.js";
import { LlamaServer } from "../testing/llama-server.js";
import { OpenAiBackend } from "./openai-backend.js";
import { refusesCallIds, withShortCallIds } from "./short-call-ids.js";

type Json = Readonly<Record<string, unknown>>;

const changed = (body: Json): Json => JSON.parse(withShortCallIds(JSON.stringify(body)) ?? "null");
const NINE = expect.stringMatching(/^[A-Za-z0-9]{9}$/);

describe("the ids of calls", () => {
  it("are short in a chat, and its results find their calls", () => {
    const call = (id: string): Json => ({
      id,
      type: "function",
      function: { name: "f", arguments: '{"id":"call_1"}' },
    });
    const messages = [
      { role: "user", content: "call_1", id: "call_1" },
      { role: "assistant", content: null, tool_calls: [call("call_1"), call("call_2"), call("abcDEF123")] },
      { role: "tool", tool_call_id: "call_2", content: "call_2" },
      { role: "tool", tool_call_id: "call_1", content: "" },
    ];
    const { messages: after } = changed({ model: "m", messages }) as { messages: typeof messages };
    const [first, second, third] = after[1]?.tool_calls ?? [];
    expect([first?.["id"], second?.["id"], third?.["id"]]).toEqual([NINE, NINE, "abcDEF123"]);
    expect(first?.["id"]).not.toBe(second?.["id"]);
    expect([after[2]?.tool_call_id, after[3]?.tool_call_id]).toEqual([second?.["id"], first?.["id"]]);
    expect(after[0]).toEqual(messages[0]);
    expect(first?.["function"]).toEqual(call("call_1")["function"]);
  });

  it("are short in Messages and in Responses", () => {
    const content = (id: string): Json[] => [{ type: "tool_use", id, name: "f", input: { id: "toolu_1" } }];
    const result = [{ type: "tool_result", tool_use_id: "toolu_1", content: [{ type: "text", text: "x" }] }];
    const { messages } = changed({ messages: [{ content: content("toolu_1") }, { content: result }] }) as {
      messages: { content: Json[] }[];
    };
    const id = messages[0]?.content[0]?.["id"];
    expect(id).toEqual(NINE);
    expect(messages[0]?.content).toEqual(content(String(id)));
    expect(messages[1]?.content[0]?.["tool_use_id"]).toBe(id);
    const items = [
      { type: "function_call", id: "fc_1", call_id: "toolu_1" },
      { type: "function_call_output", call_id: "toolu_1" },
    ];
    expect(changed({ input: items })["input"]).toEqual(items.map((item) => ({ ...item, call_id: id })));
  });

  it("stay as they are where they are short, and so does every other byte", () => {
    const text = '{ "messages" : [{"tool_calls":[{"id":"abcdefgh1", "n":1.0}]}, {"tool_call_id":"ab\\u0063defgh1"}] }';
    expect(withShortCallIds(text)).toBeUndefined();
    const long = text.replace('"abcdefgh1"', '"call_\u00e9"');
    expect(withShortCallIds(long)).toBe(
      long.replace('"call_\u00e9"', `"${withShortCallIds(long)?.match(/"id":"(\w+)"/)?.[1]}"`),
    );
    for (const other of ["", "[]", '{"messages":"x"}', '{"messages":[1,{"tool_calls":[{"id":5}]}]}']) {
      expect(withShortCallIds(other)).toBeUndefined();
    }
  });
});

it.each<[string, boolean]>([
  ["Jinja Exception: Tool call IDs should be alphanumeric strings with length 9!", true],
  ["Tool call id was call_1 but must be a-z, A-Z, 0-9, with a length of 9.", true],
  ["Tool calls are not supported", false],
  ["the prompt has a length of 9", false],
])("a server that wants them says so: %s", (words, expected) => {
  expect(refusesCallIds(words)).toBe(expected);
});

/** As strict about ids as Mistral's, and no stricter about anything else. */
const STRICT = `{%- for message in messages -%}
{%- for call in message.tool_calls or [] -%}
{%- if call.id is not defined or call.id | length != 9 -%}
{{- raise_exception("Tool call IDs should be alphanumeric strings with length 9!") -}}
{%- endif -%}
[{{ call.function.name }} {{ call.id }}]
{%- endfor -%}
{%- if message.role == "tool" and message.tool_call_id | length != 9 -%}
{{- raise_exception("Tool call IDs should be alphanumeric strings with length 9!") -}}
{%- endif -%}
<|{{ message.role }}|>{{ message.content }}
{% endfor -%}<|assistant|>`;

const program = process.env["LLAMA_SERVER"];
// biome-ignore lint/suspicious/noConsole: whoever reads the run must see that tests were skipped
if (program === undefined) console.warn("NOTICE: LLAMA_SERVER is not set; tests with a real llama-server are skipped.");

const question = { role: "user", content: "hi" };
const ASKED: readonly (readonly [BackendDialect, object])[] = [
  [
    "chat_completions",
    {
      max_tokens: 1,
      messages: [
        question,
        {
          role: "assistant",
          content: "",
          tool_calls: [{ id: "call_1", type: "function", function: { name: "f", arguments: "{}" } }],
        },
        { role: "tool", tool_call_id: "call_1", content: "ok" },
      ],
    },
  ],
  [
    "messages",
    {
      max_tokens: 1,
      messages: [
        question,
        { role: "assistant", content: [{ type: "tool_use", id: "toolu_01", name: "f", input: {} }] },
        { role: "user", content: [{ type: "tool_result", tool_use_id: "toolu_01", content: "ok" }] },
      ],
    },
  ],
  [
    "responses",
    {
      max_output_tokens: 1,
      input: [
        question,
        { type: "function_call", call_id: "call_1", name: "f", arguments: "{}" },
        { type: "function_call_output", call_id: "call_1", output: "ok" },
      ],
    },
  ],
];

describe.skipIf(program === undefined)("a real llama-server whose template is strict about ids", () => {
  let folder: string;
  let server: LlamaServer;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "hearth-templates-"));
    const template = join(folder, "strict-ids.jinja");
    writeFileSync(template, STRICT);
    server = await LlamaServer.start(program ?? "", ["--chat-template-file", template]);
  }, 30_000);
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  it.each(ASKED)("refuses those of %s, and answers through the agent", async (dialect, members) => {
    const path = dialect === "chat_completions" ? "/chat/completions" : `/${dialect}`;
    const body = Buffer.from(JSON.stringify({ model: "pico", ...members }));
    const refused = await fetch(server.url + path, { method: "POST", body });
    expect(refused.status).toBeGreaterThanOrEqual(400);
    expect(refusesCallIds(await refused.text())).toBe(true);
    const backend = new OpenAiBackend({ baseUrl: server.url, models: [] });
    for (const _again of [1, 2]) {
      const response = await backend.open({ dialect, model: "pico", body }, new AbortController().signal);
      expect([response.status, await textOf(response)]).toEqual([200, expect.stringContaining("{")]);
    }
    await backend.stop();
  });
});
