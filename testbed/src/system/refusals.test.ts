import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ADMIN_KEY, API_KEY, PROVIDER_TOKEN } from "../scripted/test-coordinator.js";
import { eventually } from "./eventually.js";
import { SpawnedHearth } from "./spawned-hearth.js";
import { type StubBackend, startStubBackend } from "./stub-backend.js";

let hearth: SpawnedHearth;
let backend: StubBackend;
beforeAll(async () => {
  [hearth, backend] = await Promise.all([
    SpawnedHearth.start(),
    startStubBackend("pico", (exchange) => {
      exchange.content("fine");
      exchange.end();
    }),
  ]);
  await hearth.agent({ backend: backend.url });
});
afterAll(async () => {
  await hearth[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
});

const messages = [{ role: "user", content: "hi" }];

interface Refusal {
  readonly status: number;
  readonly type: string;
  readonly param: string | null;
  readonly code: string | null;
}

async function refusalOf(pending: Response | Promise<Response>): Promise<Refusal> {
  const response = await pending;
  const { error } = (await response.json()) as { error: Omit<Refusal, "status"> & { message: string } };
  expect(error.message).toMatch(/\w/);
  const { type, param, code } = error;
  return { status: response.status, type, param, code };
}

const INVALID = "invalid_request_error";

it.each([
  ["no key", {}],
  ["a wrong key", { Authorization: "Bearer test-api-key-0123456788" }],
  ["the provider token", { Authorization: `Bearer ${PROVIDER_TOKEN}` }],
  ["the admin key", { Authorization: `Bearer ${ADMIN_KEY}` }],
  ["an empty key", { Authorization: "Bearer " }],
])("answers 401 to %s", async (_name, headers: Record<string, string>) => {
  const response = await fetch(`${hearth.url}/v1/chat/completions`, {
    method: "POST",
    headers,
    body: JSON.stringify({ model: "pico", messages }),
  });
  expect(await refusalOf(response)).toMatchObject({ status: 401, type: INVALID, code: "invalid_api_key" });
});

it("does not let a consumer's key into the operator's API", async () => {
  expect(await refusalOf(hearth.get("/admin/providers", API_KEY))).toMatchObject({ status: 401 });
  expect((await hearth.get("/admin/providers", ADMIN_KEY)).status).toBe(200);
});

it("answers 404 for an unknown model and names the member", async () => {
  expect(await refusalOf(hearth.chat({ model: "nobody-serves-this", messages }))).toEqual({
    status: 404,
    type: INVALID,
    param: "model",
    code: "model_not_found",
  });
});

it.each([
  ["{", null],
  ["", null],
  ["[]", null],
  ["null", null],
  [JSON.stringify({ messages }), "model"],
  [JSON.stringify({ model: 7, messages }), "model"],
  [JSON.stringify({ model: "pico" }), "messages"],
  [JSON.stringify({ model: "pico", messages: "hi" }), "messages"],
  [JSON.stringify({ model: "pico", messages: [] }), "messages"],
  [JSON.stringify({ model: "pico", messages, stream: "yes" }), "stream"],
  [JSON.stringify({ model: "pico", messages, max_tokens: "many" }), "max_tokens"],
  [JSON.stringify({ model: "pico", messages, max_tokens: -2 }), "max_tokens"],
  [JSON.stringify({ model: "pico", messages, tools: {} }), "tools"],
])("answers 400 for the body %j with param %j", async (body, param) => {
  expect(await refusalOf(hearth.chat(body))).toMatchObject({ status: 400, type: INVALID, param });
});

it("names the message that has the wrong type", async () => {
  const refusal = await refusalOf(
    hearth.chat({ model: "pico", messages: [...messages, { role: "user", content: 7 }] }),
  );
  expect(refusal.status).toBe(400);
  expect(refusal.param).toMatch(/^messages/);
});

const TOO_LARGE = JSON.stringify({ model: "pico", messages: [{ role: "user", content: "x".repeat(17 * 2 ** 20) }] });

it("answers 413 for a body of 17 MiB that says so, before it is sent", async () => {
  expect(await post({ "Content-Length": String(TOO_LARGE.length) }, "")).toMatchObject({
    status: 413,
    error: { type: INVALID, code: "payload_too_large", param: null },
  });
});

it("answers 413 for a body of 17 MiB that does not say so", async () => {
  expect(await post({ "Transfer-Encoding": "chunked" }, TOO_LARGE)).toMatchObject({
    status: 413,
    error: { type: INVALID, code: "payload_too_large", param: null },
  });
});

it("is well after all of that", async () => {
  expect((await hearth.chat({ model: "pico", messages })).status).toBe(200);
});

it("answers 503 with Retry-After when the model's only provider has left", async () => {
  await using own = await SpawnedHearth.start();
  const agent = await own.agent({ backend: backend.url });
  expect((await own.chat({ model: "pico", messages })).status).toBe(200);
  expect(await agent.stop()).toEqual({ code: 0, signal: null });
  await eventually("it has left", async () => (await own.providers()).length === 0);
  const response = await own.chat({ model: "pico", messages });
  expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(await refusalOf(response)).toMatchObject({ status: 503, type: "server_error", code: "no_provider" });
});

/** Sends what may be cut off by an early answer, which `fetch` would report instead of the answer. */
function post(headers: Record<string, string>, body: string): Promise<{ status: number; error: object }> {
  return new Promise((resolve, reject) => {
    const call = httpRequest(`${hearth.url}/v1/chat/completions`, {
      method: "POST",
      headers: { Authorization: `Bearer ${API_KEY}`, ...headers },
      agent: false,
    });
    call.once("error", reject);
    call.once("response", (response) => {
      let text = "";
      response.on("data", (part: Buffer) => {
        text += part;
      });
      response.once("end", () => {
        call.destroy();
        resolve({ status: response.statusCode ?? 0, ...(JSON.parse(text) as { error: object }) });
      });
    });
    if (body === "") call.flushHeaders();
    else call.end(body);
  });
}
