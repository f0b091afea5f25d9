import { createOpenAI } from "@ai-sdk/openai";
import { generateText, type ModelMessage, stepCountIs, streamText, tool } from "ai";
import type OpenAI from "openai";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { API_KEY } from "../scripted/test-coordinator.js";
import { delta, messagesOf, weatherModel } from "./chat-backend.js";
import { checked, client, hearth, openAiForEach } from "./openai-for-each.js";

// Answers that later requests refer to, as the SDKs of OpenAI and Vercel do by themselves.

openAiForEach();

const said = (role: string, content: string): object => expect.objectContaining({ role, content });

describe("a response", () => {
  it("is gone on with by its id, however long the conversation is", async () => {
    const provider = await hearth.provider((s) => s.answer(`answer ${messagesOf(s).length}`));
    const one = await client.responses.create({ model: "m", input: "first" });
    expect(one).toMatchObject({ store: true, previous_response_id: null });
    const two = await client.responses.create({ model: "m", input: "second", previous_response_id: one.id });
    const stream = client.responses.stream({
      model: "m",
      input: [{ role: "user", content: "third" }],
      instructions: "be brief",
      previous_response_id: two.id,
    });
    expect(await stream.finalResponse()).toMatchObject({ output_text: "answer 6", previous_response_id: two.id });
    expect(messagesOf(provider.streams[2]!)).toEqual([
      said("system", "be brief"),
      said("user", "first"),
      said("assistant", "answer 1"),
      said("user", "second"),
      said("assistant", "answer 3"),
      said("user", "third"),
    ]);
  });

  it("keeps its calls for the results that come later", async () => {
    const provider = await hearth.provider(weatherModel);
    const asked = await client.responses.create({ model: "m", input: "weather?", tools: TOOLS });
    const calls = asked.output.filter((item) => item.type === "function_call");
    const results = calls.map(({ call_id }) => ({ type: "function_call_output" as const, call_id, output: "rain" }));
    await client.responses.create({ model: "m", input: results, tools: TOOLS, previous_response_id: asked.id });
    expect(messagesOf(provider.streams[1]!).map(({ role }) => role)).toEqual(["user", "assistant", "tool", "tool"]);
  });

  it("is told, listed and forgotten, for its own account only", async () => {
    await hearth.provider((s) => s.answer("Hello"));
    const made = await client.responses.create({ model: "m", input: "hi" });
    expect(await client.responses.retrieve(made.id)).toMatchObject({ id: made.id, output_text: "Hello" });
    const items = await client.responses.inputItems.list(made.id);
    expect(items.data).toMatchObject([
      { type: "message", role: "user", content: [{ type: "input_text", text: "hi" }] },
    ]);
    await expect(client.responses.cancel(made.id)).rejects.toMatchObject({ status: 400 });
    await client.responses.delete(made.id);
    await expect(client.responses.retrieve(made.id)).rejects.toMatchObject({ status: 404 });
    await expect(client.responses.delete(made.id)).rejects.toMatchObject({ status: 404 });
    const lost = client.responses.create({ model: "m", input: "go on", previous_response_id: made.id });
    await expect(lost).rejects.toMatchObject({
      status: 400,
      code: "previous_response_not_found",
      param: "previous_response_id",
    });
    const strange = [made.id, made.output[0]?.id ?? "", "resp_1", "x"].map((id) => client.responses.retrieve(id));
    for (const each of strange) await expect(each).rejects.toMatchObject({ status: 404 });
  });

  it("is asked with items that are listed in pages, the last one first unless it is said otherwise", async () => {
    await hearth.provider((s) => s.answer("Hello"));
    const input = Array.from({ length: 25 }, (_, index) => ({ role: "user" as const, content: `${index}` }));
    input.splice(3, 1, { ...input[3]!, id: "msg_mine" } as never);
    const { id } = await client.responses.create({ model: "m", input });
    const texts = (items: readonly object[]): unknown[] =>
      items.map((item) => (item as { content: { text: string }[] }).content[0]?.text);
    // The SDK's own pages leave out the ids of their ends.
    const page = (query: object): Promise<{ readonly data: readonly object[] }> =>
      client.get(`/responses/${id}/input_items`, { query });
    const last = await page({});
    expect(texts(last.data)).toEqual(Array.from({ length: 20 }, (_, index) => `${24 - index}`));
    expect(last).toMatchObject({ first_id: "item_24", last_id: "item_5", has_more: true });
    const rest = await page({ after: "item_5" });
    expect(texts(rest.data)).toEqual(["4", "3", "2", "1", "0"]);
    expect(rest).toMatchObject({ first_id: "item_4", last_id: "item_0", has_more: false });
    const next = await page({ order: "asc", limit: 2, after: "msg_mine" });
    expect(texts(next.data)).toEqual(["4", "5"]);
    expect(await page({ limit: 25 })).toMatchObject({ has_more: false });
    expect(await page({ after: "item_0" })).toMatchObject({ data: [], first_id: "", last_id: "", has_more: false });
    const all: object[] = [];
    for await (const item of client.responses.inputItems.list(id, { order: "asc", limit: 5 })) all.push(item);
    expect(texts(all)).toEqual(input.map(({ content }) => content));
  });

  it.each([
    ["limit", "0"],
    ["limit", "101"],
    ["limit", "1.5"],
    ["limit", "many"],
    ["order", "up"],
    ["after", "item_9"],
  ])("lists nothing for a page that is none: %s=%s", async (param, value) => {
    await hearth.provider((s) => s.answer("Hello"));
    const { id } = await client.responses.create({ model: "m", input: "hi" });
    const page = client.responses.inputItems.list(id, { [param]: value });
    await expect(page).rejects.toMatchObject({ status: 400, param });
  });

  it("gives an item to who names nothing but its id", async () => {
    const provider = await hearth.provider((s) => s.answer("Hello"));
    const made = await client.responses.create({ model: "m", input: "hi" });
    await client.responses.create({
      model: "m",
      input: [{ id: made.output[0]?.id ?? "" }, { role: "user", content: "go on" }],
    });
    expect(messagesOf(provider.streams[1]!)).toEqual([said("assistant", "Hello"), said("user", "go on")]);
  });

  it("counts where tokens are counted, and is missed there", async () => {
    await hearth.provider((s) => s.answer("word ".repeat(400)));
    const made = await client.responses.create({ model: "m", input: "hi" });
    const count = async (more: object): Promise<number> =>
      (await client.responses.inputTokens.count({ model: "m", input: "go on", ...more })).input_tokens;
    const alone = await count({});
    expect(await count({ previous_response_id: made.id })).toBeGreaterThan(alone + 200);
    expect(await count({ input: [{ id: made.output[0]?.id ?? "" }] })).toBeGreaterThan(200);
    await expect(count({ previous_response_id: "resp_gone" })).rejects.toMatchObject({
      code: "previous_response_not_found",
    });
  });

  it("is kept nowhere where its consumer says so", async () => {
    await hearth.provider((s) => s.answer("Hello"));
    const made = await client.responses.create({ model: "m", input: "hi", store: false });
    expect(made).toMatchObject({ store: false });
    await expect(client.responses.retrieve(made.id)).rejects.toMatchObject({ status: 404 });
    const lost = client.responses.create({ model: "m", input: "go on", previous_response_id: made.id });
    await expect(lost).rejects.toMatchObject({ code: "previous_response_not_found" });
  });

  it("is ended from elsewhere while it is being made", async () => {
    const provider = await hearth.provider((s) => s.content("It was a dark and"));
    const stream = await client.responses.create({ model: "m", input: "a story", stream: true });
    let [text, id] = ["", ""];
    for await (const event of stream) {
      if (event.type === "response.created") id = event.response.id;
      if (event.type !== "response.output_text.delta") continue;
      text += event.delta;
      expect(await client.responses.cancel(id)).toMatchObject({ id, status: "cancelled" });
    }
    expect(text).toBe("It was a dark and");
    expect(await provider.streams[0]?.cancelled).toBe("consumer_gone");
    await expect(client.responses.cancel(id)).rejects.toMatchObject({ status: 404 });
  });
});

const TOOLS: OpenAI.Responses.Tool[] = [
  {
    type: "function",
    name: "weather",
    strict: false,
    parameters: { type: "object", properties: { city: { type: "string" } } },
  },
];

describe("the AI SDK's default model", () => {
  it("refers to thoughts, words and calls of its own steps", async () => {
    const provider = await hearth.provider((s) => {
      if (messagesOf(s).length === 1) {
        delta(s, { reasoning_content: "I must look" });
        delta(s, { content: "Let me see." });
      }
      weatherModel(s);
    });
    const openai = createOpenAI({ apiKey: API_KEY, baseURL: `${hearth.url}/v1`, fetch: checked.fetch });
    const tools = {
      weather: tool({ inputSchema: z.object({ city: z.string() }), execute: ({ city }) => `rain in ${city}` }),
    };
    const asked = { model: openai("m"), tools, stopWhen: stepCountIs(3) };
    const messages: ModelMessage[] = [{ role: "user", content: "weather?" }];
    const first = await generateText({ ...asked, messages });
    expect(first.text).toBe("rain in Bern and rain in Köln");
    expect(messagesOf(provider.streams[1]!)[1]).toMatchObject({
      role: "assistant",
      content: "Let me see.",
      tool_calls: [{ function: { name: "weather" } }, { function: { name: "weather" } }],
    });
    messages.push(...first.response.messages, { role: "user", content: "and tomorrow?" });
    expect(await streamText({ ...asked, messages }).text).toContain("rain in Bern");
    const roles = messagesOf(provider.streams[2]!).map(({ role }) => role);
    expect(roles).toEqual(["user", "assistant", "tool", "tool", "assistant", "user"]);
  });
});
