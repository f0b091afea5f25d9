import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestAgent } from "../../../provider-agent/src/testing/test-agent.js";
import { until } from "../scripted/answers.js";
import { PROVIDER_TOKEN, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { LLAMA_SERVER, LlamaServer, noticeWithoutLlamaServer } from "./llama-server.js";

// What SDKs and agents write, and what a real llama-server by itself answers with a 500.

noticeWithoutLlamaServer();

const question = { role: "user", content: "hi" };
const parameters = { type: "object", properties: {} };
const tool = (more: object): object => ({ type: "function", function: { name: "f", parameters, ...more } });
const call = (more: object, called: object = {}): object => ({
  id: "a",
  type: "function",
  function: { name: "f", arguments: "{}", ...called },
  ...more,
});
const turn = (made: object, more: object = {}, result: object = {}): object => ({
  messages: [
    question,
    { role: "assistant", content: null, tool_calls: [made], ...more },
    { role: "tool", tool_call_id: "a", content: "12:00", ...result },
  ],
});

const REQUESTS: Readonly<Record<string, object>> = {
  "a tool without a description": { tools: [tool({ description: null })] },
  "a tool without parameters": { tools: [tool({ parameters: null, strict: null })] },
  "a call without arguments": turn(call({}, { arguments: "" })),
  "a call with blank arguments": turn(call({}, { arguments: "  " })),
  "a call whose arguments are absent": turn(call({}, { arguments: undefined })),
  "a call that was broken off": turn(call({}, { arguments: '{"city": "Be' })),
  "calls without ids": turn(call({ id: null }), {}, { tool_call_id: null }),
  "calls that leave their ids out": turn(call({ id: undefined }), {}, { tool_call_id: undefined }),
  "a call without a type": turn(call({ type: undefined })),
  "an answer without thoughts": turn(call({}), { reasoning_content: null, refusal: null, audio: null }),
  "messages without names": turn(call({}), { name: null }, { name: null }),
  "a result without content": turn(call({}), {}, { content: undefined }),
  "an empty answer": { messages: [question, { role: "assistant" }, question] },
};

describe.skipIf(LLAMA_SERVER === undefined)("a real llama-server behind a real agent answers", () => {
  let hearth: TestCoordinator;
  let server: LlamaServer;
  let agent: TestAgent;

  beforeAll(async () => {
    hearth = await startTestCoordinator();
    server = await LlamaServer.start(LLAMA_SERVER ?? "");
    agent = new TestAgent({
      coordinators: [`${hearth.url.replace("http", "ws")}/ws/provider`],
      backend: server.url,
      config: { tokenFor: () => PROVIDER_TOKEN },
    });
    await until("the agent is connected", () => hearth.coordinator.registry.serves("pico"), 20_000);
  }, 60_000);

  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    await hearth.stop();
  });

  it.each(Object.entries(REQUESTS))("%s", async (_what, request) => {
    const response = await hearth.chat({ model: "pico", max_tokens: 4, messages: [question], ...request });
    expect({ status: response.status, body: await response.json() }).toMatchObject({
      status: 200,
      body: { choices: [{ message: { role: "assistant" } }] },
    });
  });
});
