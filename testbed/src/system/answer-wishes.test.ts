import { afterEach, describe, expect, it } from "vitest";
import { errorOf, until } from "../scripted/answers.js";
import type { Script } from "../scripted/scripted-provider.js";
import { API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

// What consumers ask of an answer, in every dialect, and who gets such requests, through a real coordinator.

let hearth: TestCoordinator;
afterEach(() => hearth.stop());

const answer: Script = (s) => s.answer("good");
const messages = [{ role: "user", content: "hi" }];
const schema = { type: "object", properties: { a: { type: "string" } } };

const post = (path: string, body: object): Promise<Response> =>
  fetch(`${hearth.url}${path}`, {
    method: "POST",
    body: JSON.stringify({ model: "m", ...body }),
    headers: { Authorization: `Bearer ${API_KEY}` },
  });

const CHAT = "/v1/chat/completions";

type Wish = "structured_output" | "logprobs";

const ASKING: readonly (readonly [Wish, string, object])[] = [
  [
    "structured_output",
    CHAT,
    { messages, response_format: { type: "json_schema", json_schema: { name: "a", schema } } },
  ],
  ["structured_output", "/v1/responses", { input: "hi", text: { format: { type: "json_schema", name: "a", schema } } }],
  [
    "structured_output",
    "/v1/messages",
    { messages, max_tokens: 9, output_config: { format: { type: "json_schema", schema } } },
  ],
  ["structured_output", "/v1/messages", { messages, max_tokens: 9, output_format: { type: "json_schema", schema } }],
  ["logprobs", CHAT, { messages, logprobs: true, top_logprobs: 2 }],
  ["logprobs", "/v1/completions", { prompt: "hi", logprobs: 3 }],
  ["logprobs", "/v1/responses", { input: "hi", include: ["message.output_text.logprobs"] }],
];

const NOT_ASKING: readonly (readonly [string, object])[] = [
  [CHAT, { messages, logprobs: false, response_format: { type: "text" } }],
  [CHAT, { messages, logprobs: null, response_format: null }],
  ["/v1/completions", { prompt: "hi", logprobs: 0 }],
  ["/v1/responses", { input: "hi", text: { format: { type: "text" } } }],
  ["/v1/messages", { messages, max_tokens: 9 }],
];

const DROPS_ALL = { structured_output: false, logprobs: false, reasoning: false };

describe.each(ASKING)("%s, asked of %s as %j,", (wish, path, body) => {
  it("comes from a machine that is known to give it, else from one of which nobody has said", async () => {
    hearth = await startTestCoordinator();
    const drops = await hearth.provider(answer, { models: [{ id: "m", capabilities: DROPS_ALL }] });
    const silent = await hearth.provider(answer, { models: [{ id: "m", capabilities: {} }] });
    for (let i = 0; i < 3; i++) expect((await post(path, body)).status).toBe(200);
    expect([drops.streams.length, silent.streams.length]).toEqual([0, 3]);
    const gives = await hearth.provider(answer, { models: [{ id: "m", capabilities: { [wish]: true } }] });
    for (let i = 0; i < 8; i++) expect((await post(path, body)).status).toBe(200);
    expect([drops.streams.length, silent.streams.length, gives.streams.length]).toEqual([0, 3, 8]);
  });

  it("is refused at once where nobody gives it, and as one for later where who gives it is away", async () => {
    hearth = await startTestCoordinator();
    const drops = await hearth.provider(answer, { models: [{ id: "m", capabilities: DROPS_ALL }] });
    const refused = await post(path, body);
    expect(refused.headers.get("x-should-retry")).toBe("false");
    const { status } = path === "/v1/messages" ? refused : await errorOf(refused);
    expect(status).toBe(400);
    const models = [{ id: "m", capabilities: { [wish]: true }, template_render_ok: false }];
    await hearth.provider(answer, { models });
    expect((await post(path, body)).status).toBe(503);
    expect(drops.streams).toHaveLength(0);
  });
});

it("is no 400 where a machine that gave it has left, as what that never did is", async () => {
  hearth = await startTestCoordinator();
  const gives = { capabilities: { logprobs: true, tools: false } };
  const left = await hearth.provider(answer, { models: [{ id: "m", ...gives }] });
  expect((await post(CHAT, { messages, logprobs: true })).status).toBe(200);
  const drops = { capabilities: { ...DROPS_ALL, tools: false } };
  await hearth.provider(answer, { models: [{ id: "m", ...drops }] });
  left.send({ type: "drain" });
  await left.close();
  await until("it has left", () => hearth.coordinator.registry.size === 1);
  expect(await errorOf(await post(CHAT, { messages, logprobs: true }))).toEqual({
    ...{ status: 503, code: "capability_unavailable" },
  });
  const tools = [{ type: "function", function: { name: "f", parameters: { type: "object" } } }];
  expect(await errorOf(await post(CHAT, { messages, tools }))).toEqual({
    ...{ status: 400, code: "capability_unsupported" },
  });
});

it.each(NOT_ASKING)("goes to any machine where nothing is asked of the answer: %s %j", async (path, body) => {
  hearth = await startTestCoordinator();
  const drops = await hearth.provider(answer, { models: [{ id: "m", capabilities: DROPS_ALL }] });
  expect((await post(path, body)).status).toBe(200);
  expect(drops.streams).toHaveLength(1);
});

it("keeps no request from a model that does not think, whatever effort is asked for", async () => {
  hearth = await startTestCoordinator();
  await hearth.provider(answer, { models: [{ id: "m", capabilities: DROPS_ALL }] });
  expect((await post(CHAT, { messages, reasoning_effort: "high" })).status).toBe(200);
  expect((await post("/v1/responses", { input: "hi", reasoning: { effort: "high" } })).status).toBe(200);
});
