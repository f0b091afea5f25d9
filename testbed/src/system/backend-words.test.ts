import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestAgent } from "../../../provider-agent/src/testing/test-agent.js";
import { until } from "../scripted/answers.js";
import { API_KEY, PROVIDER_TOKEN, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { type StubBackend, type StubExchange, startStubBackend } from "./stub-backend.js";

// What servers say of their errors, as their users report it, behind a real agent: it must reach the consumer.

let hearth: TestCoordinator;
let backend: StubBackend;
let agent: TestAgent;
let answer: (exchange: StubExchange) => void = () => {};

beforeAll(async () => {
  hearth = await startTestCoordinator();
  backend = await startStubBackend("m", (exchange) => answer(exchange));
  agent = new TestAgent({
    coordinators: [`${hearth.url.replace("http", "ws")}/ws/provider`],
    backend: backend.url,
    config: { tokenFor: () => PROVIDER_TOKEN },
  });
  await until("the agent is connected", () => hearth.coordinator.registry.size > 0, 20_000);
});

afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
  await hearth.stop();
});

interface Said {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

interface Heard {
  readonly status: number;
  readonly message: string;
  /** In OpenAI's dialects. */
  readonly code: string | null;
  readonly tooLong?: true;
}

const event = (data: unknown): string => `data: ${JSON.stringify(data)}\n\n`;
const inStream = (body: string): Said => ({ status: 200, type: "text/event-stream", body });
const json = (status: number, body: unknown): Said => ({
  status,
  type: "application/json",
  body: JSON.stringify(body),
});

const FULL = "This model's maximum context length is 4096 tokens. However, you requested 9000 tokens";
const NO_FIT = "Input does not fit in context length. The input has 31430 tokens.";
const UPPER = "Value is not callable: null\n at row 3, column 7: {{ type | upper }}";

const CASES: readonly (readonly [string, Said, Heard])[] = [
  [
    "OpenAI's form",
    json(400, {
      error: { message: "Bad grammar", type: "invalid_request_error", param: "tools", code: "bad_grammar" },
    }),
    { status: 400, message: "Bad grammar", code: "bad_grammar" },
  ],
  [
    "vLLM's older form",
    json(400, { object: "error", message: FULL, type: "BadRequestError", param: null, code: 400 }),
    { status: 400, message: FULL, code: "context_length_exceeded", tooLong: true },
  ],
  [
    "vLLM's newer form",
    json(400, { error: { message: FULL, type: "BadRequestError", param: null, code: 400 } }),
    { status: 400, message: FULL, code: "context_length_exceeded", tooLong: true },
  ],
  [
    "vLLM's, inside a stream",
    inStream(event({ object: "error", message: FULL, type: "BadRequestError", code: 400 })),
    { status: 400, message: FULL, code: "context_length_exceeded", tooLong: true },
  ],
  [
    "FastAPI's list",
    json(422, { detail: [{ loc: ["body", "messages"], msg: "field required" }] }),
    { status: 422, message: "messages: field required", code: null },
  ],
  [
    "FastAPI's sentence, inside a stream",
    inStream(event({ detail: "Model is on fire" })),
    { status: 502, message: "Model is on fire", code: "provider_error" },
  ],
  [
    "TGI's",
    json(422, { error: "Template error: invalid operation", error_type: "validation" }),
    { status: 422, message: "Template error: invalid operation", code: null },
  ],
  [
    "LM Studio's named event",
    inStream(`event: error\n${event({ error: { message: NO_FIT }, message: "Input does not fit." })}`),
    { status: 400, message: NO_FIT, code: "context_length_exceeded", tooLong: true },
  ],
  [
    "llama-server's, for a template that it cannot render",
    json(500, { error: { code: 500, message: UPPER, type: "server_error" } }),
    { status: 502, message: UPPER, code: "provider_error" },
  ],
  [
    "a number as text, inside a stream",
    inStream(event({ error: { message: "No such grammar", code: "400" } })),
    { status: 400, message: "No such grammar", code: null },
  ],
  [
    "plain text",
    { status: 500, type: "text/plain", body: "CUDA error: an illegal memory access was encountered" },
    { status: 502, message: "CUDA error: an illegal memory access was encountered", code: "provider_error" },
  ],
  [
    "a page, which says nothing",
    { status: 502, type: "text/html", body: "<html><h1>Bad gateway</h1></html>" },
    { status: 502, message: "The provider's backend failed.", code: "provider_error" },
  ],
  [
    "a refusal of the machine's own set-up, which is for its owner",
    json(401, { error: { message: "Incorrect API key provided: sk-owner", code: "invalid_api_key" } }),
    { status: 502, message: "The provider's backend failed.", code: "provider_error" },
  ],
];

const prompt = [{ role: "user", content: "hi" }];

describe.each(CASES)("the words of an error in %s", (_form, said, heard) => {
  beforeAll(() => {
    answer = (exchange) => exchange.answer(said.status, said.type, said.body);
  });

  const post = async (path: string, body: object): Promise<{ readonly status: number; readonly body: unknown }> => {
    const response = await fetch(`${hearth.url}${path}`, {
      method: "POST",
      headers: { Authorization: `Bearer ${API_KEY}`, "Content-Type": "application/json" },
      body: JSON.stringify({ model: "m", ...body }),
    });
    return { status: response.status, body: await response.json() };
  };
  const { status, message, code } = heard;

  it.each([true, false])("reach a chat (streamed: %s)", async (stream) => {
    const told = await post("/v1/chat/completions", { stream, messages: prompt });
    expect(told).toMatchObject({ status, body: { error: { message, code } } });
  });

  it("reach Responses", async () => {
    const told = await post("/v1/responses", { input: "hi" });
    expect(told).toMatchObject({ status, body: { error: { message, code } } });
  });

  it("reach Messages", async () => {
    const told = await post("/v1/messages", { max_tokens: 8, messages: prompt });
    const words = heard.tooLong ? `prompt is too long: ${message}` : message;
    expect(told).toMatchObject({ status, body: { type: "error", error: { message: words } } });
  });
});
