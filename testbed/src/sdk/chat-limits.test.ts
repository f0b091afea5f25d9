import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ScriptedProvider } from "../scripted/scripted-provider.js";
import { API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

let hearth: TestCoordinator;
let provider: ScriptedProvider;

beforeEach(async () => {
  hearth = await startTestCoordinator();
  provider = await hearth.provider((s) => s.answer("ok"));
});

afterEach(() => hearth.stop());

const MIB = 2 ** 20;
const chat = (more: object = {}) => ({ model: "m", messages: [{ role: "user", content: "hi" }], ...more });
/** A chat body of exactly this many bytes. */
const chatOf = (bytes: number): string => {
  const empty = JSON.stringify(chat({ cache_salt: "" }));
  return JSON.stringify(chat({ cache_salt: "x".repeat(bytes - empty.length) }));
};

async function refusal(response: Response): Promise<object> {
  const { error } = (await response.json()) as { error: { code: string; param: string } };
  return { status: response.status, code: error.code, param: error.param };
}

/** What the coordinator answers on a bare connection, until it closes it. */
async function bare(...parts: readonly string[]): Promise<string> {
  const { hostname, port } = new URL(hearth.url);
  const socket = connect(Number(port), hostname);
  let answer = "";
  socket.on("data", (data) => {
    answer += data;
  });
  socket.on("error", () => {});
  for (const part of parts) socket.write(part);
  socket.end();
  await once(socket, "close");
  return answer;
}

const head = (length: number): string =>
  `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${API_KEY}\r\nContent-Length: ${length}\r\n\r\n`;

describe("the size of a body", () => {
  it("may be 16 MiB", async () => {
    const response = await hearth.chat(chatOf(16 * MIB));
    expect(response.status).toBe(200);
    expect((provider.streams[0]!.body["cache_salt"] as string).length).toBeGreaterThan(15 * MIB);
  });

  it("may grow on the way to the provider", async () => {
    const silent = Array(25_000).fill({ role: "assistant" });
    const body = JSON.stringify(chat({ messages: silent, cache_salt: "x".repeat(3 * MIB) }));
    const response = await hearth.chat(body);
    expect(response.status).toBe(200);
    expect(provider.streams[0]?.frame.body_bytes).toBeGreaterThan(body.length + MIB / 4);
  });

  it("may not be one byte more, whether it is told beforehand or not", async () => {
    const tooLarge = { status: 413, code: "payload_too_large" };
    expect(await refusal(await hearth.chat(chatOf(16 * MIB + 1)))).toMatchObject(tooLarge);
    const body = chatOf(16 * MIB + 1);
    const sent = request(`${hearth.url}/v1/chat/completions`, {
      method: "POST",
      headers: { Authorization: `Bearer ${API_KEY}`, "Transfer-Encoding": "chunked" },
    });
    sent.on("error", () => {});
    sent.end(body);
    const [response] = (await once(sent, "response")) as [{ statusCode: number; resume(): void }];
    expect(response.statusCode).toBe(413);
    response.resume();
    expect(provider.streams).toHaveLength(0);
  });

  it("is not what Content-Length says, and a lie gains nothing", async () => {
    const body = JSON.stringify(chat());
    expect(await bare(head(17 * MIB), body)).toMatch(/^HTTP\/1\.1 413 /);
    expect(await bare(head(body.length + 1), body)).not.toMatch(/^HTTP\/1\.1 200 /);
    expect(await bare(head(body.length - 1), body)).toMatch(/^HTTP\/1\.1 400 /);
    expect(await bare(head(-1), body)).toMatch(/^HTTP\/1\.1 400 /);
    expect(provider.streams).toHaveLength(0);
    expect((await hearth.chat(chat())).status).toBe(200);
  });
});

describe("the depth of a body", () => {
  const nested = (levels: number): string => {
    const inner = `{"a":${"[".repeat(levels - 2)}${"]".repeat(levels - 2)}}`;
    return JSON.stringify(chat({ json_schema: "§" })).replace('"§"', inner);
  };

  it("may be 64, and reaches the provider", async () => {
    expect((await hearth.chat(nested(64))).status).toBe(200);
    expect(JSON.stringify(provider.streams[0]?.body["json_schema"])).toHaveLength(130);
  });

  it("may not be 65, and nothing is built from millions of brackets", async () => {
    expect(await refusal(await hearth.chat(nested(65)))).toMatchObject({ status: 400 });
    const before = process.memoryUsage().heapUsed;
    expect(await refusal(await hearth.chat(`{"a":${"[".repeat(8 * MIB)}`))).toMatchObject({ status: 400 });
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(200 * MIB);
  });
});

describe("a body", () => {
  const ENDPOINTS = [
    ...["chat/completions", "completions", "embeddings", "responses", "messages", "messages/count_tokens"],
    "responses/input_tokens",
  ];
  const post = (path: string, body: string, type = "application/json"): Promise<Response> =>
    fetch(`${hearth.url}/v1/${path}`, {
      method: "POST",
      body,
      headers: { Authorization: `Bearer ${API_KEY}`, "Content-Type": type },
    });

  it.each(ENDPOINTS)("that is no object is refused by /v1/%s, as JSON", async (path) => {
    for (const body of ["", "null", "[]", "7", '"text"', "{", "nonsense"]) {
      const response = await post(path, body);
      expect(response.status).toBe(400);
      expect(response.headers.get("content-type")).toMatch(/^application\/json/);
      expect(await response.json()).toHaveProperty("error.message");
    }
  });

  it("of another content type is read all the same", async () => {
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "nonsense"]) {
      const response = await post("chat/completions", JSON.stringify(chat()), type);
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toMatch(/^application\/json/);
    }
  });

  it("of thousands of messages, parts and tools is handled in linear time", async () => {
    const part = { type: "text", text: "x" };
    const tool = { type: "function", function: { name: "f", parameters: { properties: {} } } };
    const bodies = [
      chat({ messages: Array(35_000).fill({ role: "user", content: "x" }) }),
      chat({ messages: [{ role: "developer", content: Array(35_000).fill(part) }] }),
      chat({ tools: Array(9_000).fill(tool) }),
    ];
    for (const body of bodies) {
      const before = process.cpuUsage();
      expect((await hearth.chat(body)).status).toBe(200);
      // Quadratic time would be minutes.
      expect(process.cpuUsage(before).user).toBeLessThan(10_000_000);
    }
  });

  it("that nothing is wrong with reaches the provider character by character", async () => {
    const body =
      '{ "model":"m","messages":[{"role":"user","content":"caf\\u00e9 \\ud83d\\ude00 é"}] , "stream" : true,' +
      ' "stream_options":{"include_usage":true}, "seed":9007199254740993,"min_p":0.30000000000000004,"dry_base":1.750000000000000000001 }';
    const sent = await hearth.chat(body);
    await sent.text();
    expect(provider.streams[0]?.frame.body_bytes).toBe(Buffer.byteLength(body));
  });
});

describe("what no route is for", () => {
  it("is told in the form of the SDK that would ask", async () => {
    const openAi = await fetch(`${hearth.url}/v1/nothing`);
    expect([openAi.status, await openAi.json()]).toMatchObject([404, { error: { code: "not_found" } }]);
    const anthropic = await fetch(`${hearth.url}/v1/messages/batches`);
    expect([anthropic.status, await anthropic.json()]).toMatchObject([
      404,
      { type: "error", error: { type: "not_found_error" } },
    ]);
    const wrongMethod = await fetch(`${hearth.url}/v1/messages`);
    expect([wrongMethod.status, await wrongMethod.json()]).toMatchObject([405, { type: "error" }]);
    const stranger = await fetch(`${hearth.url}/v1/messages`, { method: "POST", body: "{}" });
    expect([stranger.status, await stranger.json()]).toMatchObject([
      401,
      { type: "error", error: { type: "authentication_error" } },
    ]);
  });
});

describe("the description of the API", () => {
  it("is there for tools and for people, without a key", async () => {
    const description = await fetch(`${hearth.url}/openapi.json`);
    expect(await description.json()).toMatchObject({ openapi: "3.1.0" });
    const page = await fetch(`${hearth.url}/docs`);
    expect(page.headers.get("content-type")).toMatch(/^text\/html/);
    expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(await page.text()).toContain("/v1/chat/completions");
  });
});
