import { once } from "node:events";
import { FakeClock } from "@hearth/platform/testing";
import type { BackendDialect } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import { textOf } from "../testing/backend-contract.js";
import { eventually } from "../testing/eventually.js";
import {
  answer,
  answerJson,
  type BackendCall,
  type BackendScript,
  ScriptedBackend,
  startEvents,
} from "../testing/scripted-backend.js";
import type { BackendRequest } from "./backend.js";
import { OpenAiBackend } from "./openai-backend.js";

const never = new AbortController().signal;
const FAILED = { error: { code: 500, message: "upper filter requires string", type: "server_error" } };

const SCHEMA = '{"type":"object","properties":{"a":{"type": ["string","null"]}}}';
const REPAIRED = '{"type":"object","properties":{"a":{"anyOf":[{"type":"string"},{"type":"null"}],"type": "string"}}}';

const chatTools = (schema: string): string =>
  `"tools":[{"type":"function","function":{"name":"f","parameters":${schema}}}]`;
const BODY = (tools: string, more = ""): string =>
  `{"model":"m","messages":[{"role":"user","content":"hi"}],${tools}${more}}`;

const isLoose = (call: BackendCall): boolean => /"type": ?\[/.test(call.body);
/** A server whose template applies `upper` to every type. */
const needingTypes: BackendScript = (call) => (isLoose(call) ? answerJson(call, 500, FAILED) : answer(call));

interface Setting extends AsyncDisposable {
  readonly server: ScriptedBackend;
  ask(body: string, more?: Partial<BackendRequest>): Promise<{ readonly status: number; readonly text: string }>;
}

async function start(script: BackendScript): Promise<Setting> {
  const server = await ScriptedBackend.start({ script });
  const backend = new OpenAiBackend({ baseUrl: server.url, models: [] });
  return {
    server,
    async ask(body, more) {
      const request = { dialect: "chat_completions", model: "m", body: Buffer.from(body), ...more } as const;
      const response = await backend.open(request, never);
      return { status: response.status, text: await textOf(response) };
    },
    async [Symbol.asyncDispose]() {
      await backend.stop();
      await server[Symbol.asyncDispose]();
    },
  };
}

describe("tools that a model's template cannot read", () => {
  it.each<[BackendDialect, string, (schema: string) => string]>([
    ["chat_completions", "tools of a chat", chatTools],
    ["chat_completions", "functions of before", (schema) => `"functions":[{"name":"f","parameters":${schema}}]`],
    ["messages", "tools of a message", (schema) => `"tools":[{"name":"f","input_schema":${schema}}]`],
    ["responses", "tools of a response", (schema) => `"tools":[{"type":"function","name":"f","parameters":${schema}}]`],
  ])("go out once more with types, and with types at once from then on: %s, %s", async (dialect, _name, tools) => {
    await using setting = await start(needingTypes);
    for (const sent of [2, 3]) {
      expect((await setting.ask(BODY(tools(SCHEMA)), { dialect })).status).toBe(200);
      expect(setting.server.calls).toHaveLength(sent);
    }
    const bodies = setting.server.calls.map(({ body }) => body);
    expect(bodies).toEqual([BODY(tools(SCHEMA)), BODY(tools(REPAIRED)), BODY(tools(REPAIRED))]);
  });

  it("stay as they came for every other model", async () => {
    await using setting = await start(needingTypes);
    await setting.ask(BODY(chatTools(SCHEMA)));
    await setting.ask(BODY(chatTools(SCHEMA)), { model: "other" });
    expect(setting.server.calls.map(isLoose)).toEqual([true, false, true, false]);
  });

  it("go out with types at once where its template is known", async () => {
    await using setting = await start(needingTypes);
    expect((await setting.ask(BODY(chatTools(SCHEMA)), { needsStringTypes: true })).status).toBe(200);
    expect(setting.server.calls.map(({ body }) => body)).toEqual([BODY(chatTools(REPAIRED))]);
  });

  it("go out beside a picture of 5 MB, whose bytes nobody touches", async () => {
    await using setting = await start(needingTypes);
    const picture = `,"picture":"${"iVBORw0KGgo=".repeat(450_000)}"`;
    expect((await setting.ask(BODY(chatTools(SCHEMA), picture))).status).toBe(200);
    expect(setting.server.calls.at(-1)?.body === BODY(chatTools(REPAIRED), picture)).toBe(true);
  });

  it("are told of in the words of the first refusal where types do not help, and none are remembered", async () => {
    await using setting = await start((call) =>
      answerJson(call, isLoose(call) ? 500 : 400, {
        error: { message: isLoose(call) ? "'list' has no attribute" : "no" },
      }),
    );
    for (const sent of [2, 4]) {
      const { status, text } = await setting.ask(BODY(chatTools(SCHEMA)));
      expect({ status, text }).toEqual({ status: 500, text: expect.stringContaining("has no attribute") });
      expect(setting.server.calls).toHaveLength(sent);
    }
  });

  it("are told of in the words of the first refusal where the server is busy then", async () => {
    await using setting = await start((call) =>
      isLoose(call) ? answerJson(call, 500, FAILED) : answerJson(call, 503, {}),
    );
    expect((await setting.ask(BODY(chatTools(SCHEMA)))).status).toBe(500);
  });

  it("go out as they came where the types that another tool has needed are in the way", async () => {
    const upset = '{"type":"object","properties":{"b":{"enum":["a",1]}}}';
    await using setting = await start((call) =>
      isLoose(call) || call.body.includes('"anyOf":[{"enum"') ? answerJson(call, 400, FAILED) : answer(call),
    );
    await setting.ask(BODY(chatTools(SCHEMA)));
    expect((await setting.ask(BODY(chatTools(upset)))).status).toBe(200);
    expect(setting.server.calls.at(-1)?.body).toBe(BODY(chatTools(upset)));
    await setting.ask(BODY(chatTools(SCHEMA)));
    expect(setting.server.calls).toHaveLength(5);
  });

  it("are asked about twice at most, whatever the server says", async () => {
    await using setting = await start((call) => answerJson(call, 500, FAILED));
    expect((await setting.ask(BODY(chatTools(SCHEMA)))).status).toBe(500);
    expect((await setting.ask(BODY(chatTools(SCHEMA)), { needsStringTypes: true })).status).toBe(500);
    expect(setting.server.calls.map(isLoose)).toEqual([true, false, false, true]);
  });

  it("do not keep a refusal that never ends from whoever reads it", async () => {
    const clock = new FakeClock();
    const server = await ScriptedBackend.start({
      script: ({ response }) => {
        response.writeHead(500, { "content-type": "application/json" });
        response.write('{"error":');
      },
    });
    const backend = new OpenAiBackend({ baseUrl: server.url, models: [], clock });
    const request = { dialect: "chat_completions", body: Buffer.from(BODY(chatTools(SCHEMA))) } as const;
    const opening = backend.open(request, never);
    await eventually(() => clock.pending > 0, 5_000, "a timer");
    clock.advance(60_000);
    const { status, body } = await opening;
    expect(status).toBe(500);
    const [begun] = (await once(body, "data")) as [Uint8Array];
    expect(Buffer.from(begun).toString()).toBe('{"error":');
    body.on("error", () => {}).destroy();
    await backend.stop();
    await server[Symbol.asyncDispose]();
  });

  it("go out without boolean schemas to a server that reads none, and without any more", async () => {
    const words = "Failed to parse tools: JSON schema error at #/properties/a: schema must be an object";
    await using setting = await start((call) =>
      call.body.includes('"a":true') ? answerJson(call, 400, { error: { message: words } }) : answer(call),
    );
    const tools = (any: string): string => BODY(chatTools(`{"type":"object","properties":{"a":${any},"b":{}}}`));
    for (const sent of [2, 3]) {
      expect((await setting.ask(tools("true"))).status).toBe(200);
      expect(setting.server.calls).toHaveLength(sent);
      expect(setting.server.calls.at(-1)?.body).toBe(tools("{}"));
    }
  });
});

describe("a stream that begins with its template's error", () => {
  const failedStream = (call: BackendCall): void => {
    startEvents(call);
    call.response.end(`: ping\n\nevent: error\ndata: ${JSON.stringify(FAILED)}\n\n`);
  };

  it("is the stream of the repaired tools, which are remembered", async () => {
    await using setting = await start((call) => (isLoose(call) ? failedStream(call) : answer(call)));
    for (const sent of [2, 3]) {
      const { text } = await setting.ask(BODY(chatTools(SCHEMA)));
      expect(text).toContain("[DONE]");
      expect(text).not.toContain("filter");
      expect(setting.server.calls).toHaveLength(sent);
    }
  });

  it("is that stream where types do not help", async () => {
    await using setting = await start((call) => (isLoose(call) ? failedStream(call) : answerJson(call, 500, {})));
    expect((await setting.ask(BODY(chatTools(SCHEMA)))).text).toContain("upper filter requires string");
    expect(setting.server.calls).toHaveLength(2);
  });

  it("hands on comments before it as they come, and closes its connection with its reader's", async () => {
    await using setting = await start((call) => {
      startEvents(call);
      call.response.write(": alive\n\n");
    });
    const backend = new OpenAiBackend({ baseUrl: setting.server.url, models: [] });
    const gone = new AbortController();
    const request = { dialect: "chat_completions", body: Buffer.from(BODY(chatTools(SCHEMA))) } as const;
    const { body } = await backend.open(request, gone.signal);
    const [comment] = (await once(body, "data")) as [Uint8Array];
    expect(Buffer.from(comment).toString()).toBe(": alive\n\n");
    body.on("error", () => {});
    const closed = new Promise((resolve) => void body.on("close", resolve));
    gone.abort();
    await closed;
    await backend.stop();
  });
});
