import { once } from "node:events";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { eventually } from "./eventually.js";

let hearth: TestCoordinator;
afterEach(() => hearth.stop());

const DEFAULTS = {
  perAccount: 32,
  inAll: 256,
  bytesPerAccount: 2 ** 26,
  bytesInAll: 2 ** 28,
  heldBytesPerAccount: 2 ** 28,
  heldBytesInAll: 2 ** 30,
};
const PATIENT = { bytesPerSecond: 1, graceMs: 60_000 };

interface Refused {
  readonly status: number;
  readonly message: string;
  readonly param: string | null;
}

async function refusedAt(path: string, body: string, headers: Record<string, string> = {}): Promise<Refused> {
  const response = await fetch(hearth.url + path, {
    method: "POST",
    headers: { Authorization: `Bearer ${API_KEY}`, "Content-Type": "application/json", ...headers },
    body,
  });
  const { error } = (await response.json()) as { error: { message: string; param?: string | null } };
  return { status: response.status, message: error.message, param: error.param ?? null };
}

const repeat = (count: number, text: string): string => Array(count).fill(text).join(",");
const messages = '"messages":[{"role":"user","content":"x"}]';

describe("the values of a body", () => {
  const PATHS = [
    ...["/v1/chat/completions", "/v1/responses", "/v1/responses/input_tokens", "/v1/messages"],
    "/v1/messages/count_tokens",
  ];
  it.each([...PATHS, "/v1/completions", "/v1/embeddings"])("are bounded at %s", async (path) => {
    hearth = await startTestCoordinator({ config: { bodies: { members: 30, items: 20, containers: 10 } } });
    const refusals = [
      [`{"model":"m","x":{${Array.from({ length: 31 }, (_, i) => `"a${i}":1`)}}}`, "30 members in its objects"],
      [`{"model":"m","x":[${repeat(22, "1")}]}`, "20 entries in its lists"],
      [`{"model":"m","x":[${repeat(11, "[]")}]}`, "10 lists and objects"],
      [`{"model":"m",${Array.from({ length: 256 }, (_, i) => `"a${i}":null`)}}`, "256 members in its outermost object"],
      [`{"model":"m","x":${"[".repeat(64)}${"]".repeat(64)}}`, "deeper than 64 levels"],
    ] as const;
    for (const [body, words] of refusals) {
      const { status, message } = await refusedAt(path, body);
      expect({ status, message }).toEqual({ status: 400, message: expect.stringMatching(words) });
    }
  });

  it("have a bound of inputs and of metadata, which are named", async () => {
    hearth = await startTestCoordinator();
    expect(await refusedAt("/v1/embeddings", `{"model":"m","input":[${repeat(2_049, '"a"')}]}`)).toMatchObject({
      status: 400,
      param: "input",
      message: expect.stringContaining("2048"),
    });
    const metadata = Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`a${i}`, "x"]));
    expect(await refusedAt("/v1/responses", JSON.stringify({ model: "m", input: "x", metadata }))).toMatchObject({
      status: 400,
      param: "metadata",
      message: expect.stringContaining("16"),
    });
  });

  it("may be as many as a coding agent's, and an image as large as the body", async () => {
    hearth = await startTestCoordinator();
    await hearth.provider((stream) => stream.answer("fine"), { models: [LARGE_MODEL], slots: [SLOT] });
    const turns = Array.from({ length: 1_000 }, (_, i) => [
      {
        role: "assistant",
        content: null,
        tool_calls: [{ id: `c${i}`, type: "function", function: { name: "t1", arguments: '{"path":"a"}' } }],
      },
      { role: "tool", tool_call_id: `c${i}`, content: [{ type: "text", text: "result" }] },
    ]).flat();
    const property = { anyOf: [{ type: "string" }, { type: "array", items: { type: "string" } }] };
    const properties = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`p${i}`, property]));
    const tools = Array.from({ length: 300 }, (_, i) => ({
      type: "function",
      function: { name: `t${i}`, parameters: { type: "object", properties, required: ["p0"] } },
    }));
    const agent = { model: "m", messages: [{ role: "user", content: "hi" }, ...turns], tools };
    expect((await hearth.chat(agent)).status).toBe(200);
    const url = `data:image/png;base64,${"A".repeat(15_000_000)}`;
    const image = { model: "m", messages: [{ role: "user", content: [{ type: "image_url", image_url: { url } }] }] };
    expect((await hearth.chat(image)).status).toBe(200);
  });
});

const LARGE_MODEL = { id: "m", context_length: 100_000_000, capabilities: { tools: true, vision: true } };
const SLOT = { model: "m", state: "idle" as const, running: 0, queued: 0, max_concurrency: 4 };

describe("what no consumer may set", () => {
  it.each([
    ["/v1/chat/completions", `{"model":"m",${messages},"id_slot":1}`, "id_slot"],
    ["/v1/chat/completions", `{"model":"m",${messages},"Model":"x"}`, "Model"],
    ["/v1/chat/completions", `{"model":"m",${messages},"model":"x"}`, "model"],
    ["/v1/completions", '{"model":"m","prompt":"x","n_predict":-1}', "n_predict"],
    ["/v1/responses", '{"model":"m","input":"x","chat_template":"x"}', "chat_template"],
    ["/v1/embeddings", '{"model":"m","input":"x","lora":[]}', "lora"],
    [
      "/v1/chat/completions",
      `{"model":"m",${messages},"chat_template_kwargs":{"chat_template":"x"}}`,
      "chat_template_kwargs.chat_template",
    ],
    [
      "/v1/responses",
      '{"model":"m","input":[{"role":"user","content":[{"type":"input_image","image_url":"http://10.0.0.1/"}]}]}',
      "input[0].content[0].image_url",
    ],
    [
      "/v1/chat/completions",
      '{"model":"m","messages":[{"role":"tool","content":[{"type":"video_url","video_url":{"url":"file:///x"}}]}]}',
      "messages[0].content[0].video_url.url",
    ],
  ])("is refused at %s: %s", async (path, body, param) => {
    hearth = await startTestCoordinator();
    expect(await refusedAt(path, body)).toMatchObject({ status: 400, param });
  });

  it("is refused in Anthropic's form too", async () => {
    hearth = await startTestCoordinator();
    const source = { type: "url", url: "http://10.0.0.1/" };
    const content = [{ type: "tool_result", tool_use_id: "a", content: [{ type: "image", source }] }];
    const body = JSON.stringify({ model: "m", max_tokens: 1, messages: [{ role: "user", content }] });
    for (const path of ["/v1/messages", "/v1/messages/count_tokens"]) {
      const { status, message } = await refusedAt(path, body);
      expect(status).toBe(400);
      expect(message).toContain("messages[0].content[0].content[0].source.url");
    }
  });

  it("may be compressed, and is bounded by what it comes to", async () => {
    hearth = await startTestCoordinator();
    await hearth.provider((s) => s.answer(String(messages.includes(JSON.stringify(s.body["messages"])))));
    const send = (encoding: string, body: Buffer) =>
      fetch(`${hearth.url}/v1/chat/completions`, {
        method: "POST",
        headers: { Authorization: `Bearer ${API_KEY}`, "Content-Encoding": encoding },
        body,
      });
    const asked = `{"model":"m",${messages}}`;
    const answer = await send("gzip", gzipSync(asked));
    expect((await answer.json()) as object).toMatchObject({ choices: [{ message: { content: "true" } }] });
    expect((await send("gzip", gzipSync(asked.padEnd(17 * 2 ** 20)))).status).toBe(413);
    expect((await send("gzip", Buffer.from(asked))).status).toBe(400);
    expect((await send("zstd", Buffer.from(asked))).status).toBe(415);
  });
});

/** A body of which some bytes are sent, and no end. */
function unfinished(bytes: number, path = "/v1/chat/completions"): ClientRequest {
  const upload = request(hearth.url + path, {
    method: "POST",
    agent: false,
    headers: { Authorization: `Bearer ${API_KEY}`, "Content-Length": "1000000", Connection: "keep-alive" },
  });
  upload.on("error", () => {});
  upload.write(Buffer.alloc(bytes, 32));
  return upload;
}

async function statusOf(upload: ClientRequest): Promise<number | undefined> {
  const [response] = (await once(upload, "response")) as [IncomingMessage];
  response.resume();
  return response.statusCode;
}

describe("uploads in progress", () => {
  it.each([
    ["an account's", { perAccount: 2 }, "/v1/chat/completions"],
    ["all", { inAll: 2 }, "/v1/chat/completions"],
    ["all", { inAll: 2 }, "/v1/messages/count_tokens"],
  ])("are bounded in number, %s, and give their place back", async (_name, limits, path) => {
    hearth = await startTestCoordinator({ config: { uploads: { ...DEFAULTS, ...PATIENT, ...limits } } });
    const first = unfinished(10, path);
    const second = unfinished(10, path);
    await Promise.all([once(first, "socket"), once(second, "socket")]);
    // Whichever of the three comes last is refused, and its place was never taken.
    const third = unfinished(10, path);
    const refused = await Promise.race(
      [first, second, third].map(async (each) => [each, await statusOf(each)] as const),
    );
    expect(refused[1]).toBe(429);
    expect((await refusedAt(path, `{${messages}}`)).status).toBe(400); // small bodies need no place
    first.destroy();
    second.destroy();
    third.destroy();
    await roomFor(path);
  });

  it.each([
    ["an account", { bytesPerAccount: 150_000 }],
    ["all", { bytesInAll: 150_000 }],
  ])("are bounded in bytes for %s, and give them back", async (_name, limits) => {
    hearth = await startTestCoordinator({ config: { uploads: { ...DEFAULTS, ...PATIENT, ...limits } } });
    const uploads = [unfinished(100_000), unfinished(100_000)];
    expect(await Promise.race(uploads.map(statusOf))).toBe(429);
    for (const upload of uploads) upload.destroy();
    await roomFor("/v1/chat/completions");
  });

  it.each(["/v1/chat/completions", "/v1/messages/count_tokens"])(
    "are ended when they come too slowly: %s",
    async (path) => {
      const uploads = { ...DEFAULTS, bytesPerSecond: 1_000_000, graceMs: 20 };
      hearth = await startTestCoordinator({ config: { uploads } });
      const slow = unfinished(10, path);
      const [response] = (await once(slow, "response")) as [IncomingMessage];
      response.resume();
      expect(response.statusCode).toBe(408);
      expect(response.headers.connection).toBe("close");
    },
  );
});

describe("bodies of requests that run", () => {
  it.each([
    ["an account", { heldBytesPerAccount: 150_000 }],
    ["all", { heldBytesInAll: 150_000 }],
  ])("are bounded in bytes for %s, and give them back when their request ends", async (_name, limits) => {
    hearth = await startTestCoordinator({ config: { uploads: { ...DEFAULTS, ...PATIENT, ...limits } } });
    const provider = await hearth.provider(() => {});
    const body = JSON.stringify({ model: "m", messages: [{ role: "user", content: "x".repeat(100_000) }] });
    const gone = new AbortController();
    const running = hearth.chat(body, { signal: gone.signal }).catch(() => {});
    await eventually("the first runs", () => provider.streams.length === 1);
    expect((await hearth.chat(body)).status).toBe(429);
    expect(provider.streams).toHaveLength(1);
    gone.abort();
    await running;
    await eventually("its room is free", () => provider.streams[0]?.cancelReason === "consumer_gone");
    const next = hearth.chat(body);
    await eventually("the next runs", () => provider.streams.length === 2);
    provider.streams[1]?.answer("good");
    expect((await next).status).toBe(200);
  });
});

/** Ends when an upload is taken, and refused for what it says only. */
async function roomFor(path: string): Promise<void> {
  while ((await statusOf(ended(path))) !== 400);
}

/** A body of 100,000 bytes that says nothing, sent whole. */
function ended(path: string): ClientRequest {
  const upload = request(hearth.url + path, {
    method: "POST",
    agent: false,
    headers: { Authorization: `Bearer ${API_KEY}` },
  });
  upload.on("error", () => {});
  upload.end(`{${messages}}${" ".repeat(100_000)}`);
  return upload;
}
