import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { WEATHER, weatherModel } from "./chat-backend.js";

// Many backends take the wish for one tool call at most, and make several all the same.

let hearth: TestCoordinator;
let openai: OpenAI;
let anthropic: Anthropic;

beforeEach(async () => {
  hearth = await startTestCoordinator();
  openai = new OpenAI({ apiKey: API_KEY, baseURL: `${hearth.url}/v1`, maxRetries: 0 });
  anthropic = new Anthropic({ apiKey: API_KEY, baseURL: hearth.url, maxRetries: 0 });
  await hearth.provider(weatherModel);
});
afterEach(() => hearth.stop());

const parameters = { type: "object" as const, properties: { city: { type: "string" } } };
const messages = [{ role: "user" as const, content: "What is the weather in Bern and in Köln?" }];

/** The arguments of all calls of an answer, and why it ended. */
interface Called {
  readonly args: readonly string[];
  readonly ended: unknown;
}

const ASKED: Readonly<Record<string, (one: boolean, stream: boolean) => Promise<Called>>> = {
  async "chat completions"(one, stream) {
    const body = {
      model: "m",
      messages,
      tools: [{ type: "function" as const, function: { name: "weather", parameters } }],
      parallel_tool_calls: !one,
    };
    const { choices } = await (stream
      ? openai.chat.completions.stream(body).finalChatCompletion()
      : openai.chat.completions.create(body));
    const calls = choices[0]?.message.tool_calls ?? [];
    return {
      args: calls.flatMap((call) => (call.type === "function" ? [call.function.arguments] : [])),
      ended: choices[0]?.finish_reason,
    };
  },
  async responses(one, stream) {
    const body = {
      model: "m",
      input: messages,
      tools: [{ type: "function" as const, name: "weather", parameters, strict: false }],
      parallel_tool_calls: !one,
    };
    const { output, status } = await (stream
      ? openai.responses.stream(body).finalResponse()
      : openai.responses.create(body));
    return { args: output.flatMap((item) => (item.type === "function_call" ? [item.arguments] : [])), ended: status };
  },
  async messages(one, stream) {
    const body = {
      model: "m",
      max_tokens: 100,
      messages,
      tools: [{ name: "weather", input_schema: parameters }],
      tool_choice: { type: "auto" as const, disable_parallel_tool_use: one },
    };
    const message = await (stream ? anthropic.messages.stream(body).finalMessage() : anthropic.messages.create(body));
    return {
      args: message.content.flatMap((block) => (block.type === "tool_use" ? [JSON.stringify(block.input)] : [])),
      ended: message.stop_reason,
    };
  },
};

const bothCalls = WEATHER.map(({ pieces }) => pieces.join(""));

describe.each(Object.entries(ASKED))("an answer of %s", (_name, ask) => {
  it.each([false, true])("has one call where at most one was asked for, streamed: %s", async (stream) => {
    const all = await ask(false, stream);
    expect(all.args).toEqual(bothCalls);
    expect(await ask(true, stream)).toEqual({ args: bothCalls.slice(0, 1), ended: all.ended });
  });
});
