import { type AIMessageChunk, type BaseMessageLike, HumanMessage, ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { afterEach, beforeEach, expect, it } from "vitest";
import { z } from "zod";
import { API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { WEATHER, weatherModel } from "./chat-backend.js";
import { type CheckedFetch, checkedFetch } from "./schema/checked-fetch.js";

let hearth: TestCoordinator;
let checked: CheckedFetch;

beforeEach(async () => {
  hearth = await startTestCoordinator();
  checked = checkedFetch();
});

afterEach(async () => {
  await checked.verify();
  await hearth.stop();
});

const settings = () => ({
  model: "m",
  apiKey: API_KEY,
  maxRetries: 0,
  configuration: { baseURL: `${hearth.url}/v1`, fetch: checked.fetch },
});
const chat = (): ChatOpenAI => new ChatOpenAI(settings());

const weather = tool(({ city }) => `rain in ${city}`, {
  name: "weather",
  description: "The weather in a city.",
  schema: z.object({ city: z.string() }),
});

it("invokes and streams, with usage", async () => {
  await hearth.provider((s) => s.answer("Grüße, ", "世界"));
  const message = await chat().invoke("hi");
  expect(message.text).toBe("Grüße, 世界");
  expect(message.usage_metadata).toMatchObject({ input_tokens: 3, output_tokens: 2, total_tokens: 5 });
  const streamed = await gathered(await chat().stream("hi"));
  expect(streamed.text).toBe("Grüße, 世界");
  // It adds up what each event says.
  expect(streamed.usage_metadata).toMatchObject({ input_tokens: 3, output_tokens: 2, total_tokens: 5 });
});

it.each([false, true])("calls tools and goes on with their results, streaming: %s", async (streaming) => {
  await hearth.provider(weatherModel);
  const model = chat().bindTools([weather]);
  const question = new HumanMessage("the weather?");
  const ask = async (messages: BaseMessageLike[]) =>
    streaming ? await gathered(await model.stream(messages)) : await model.invoke(messages);
  const asked = await ask([question]);
  expect(asked.tool_calls).toMatchObject(
    WEATHER.map(({ id, name, pieces }) => ({ id, name, args: JSON.parse(pieces.join("")) })),
  );
  const results = await Promise.all(
    (asked.tool_calls ?? []).map(async (call) => {
      const content = await weather.invoke(call.args as { city: string });
      return new ToolMessage({ content, tool_call_id: call.id ?? "" });
    }),
  );
  const answer = await ask([question, asked, ...results]);
  expect(answer.text).toBe("rain in Bern and rain in Köln");
});

/** `invoke` with `streaming: true` would count tokens, with a table that it fetches from elsewhere. */
async function gathered(stream: AsyncIterable<AIMessageChunk>): Promise<AIMessageChunk> {
  let whole: AIMessageChunk | undefined;
  for await (const chunk of stream) whole = whole === undefined ? chunk : whole.concat(chunk);
  if (whole === undefined) throw new Error("nothing came");
  return whole;
}

it("parses structured output", async () => {
  await hearth.provider((s) => s.answer('{"name":"Bern"}'));
  const model = chat().withStructuredOutput(z.object({ name: z.string() }), { method: "jsonSchema" });
  expect(await model.invoke("a city")).toEqual({ name: "Bern" });
});

it("hears of an error before and after the first content", async () => {
  await hearth.provider((s) => {
    s.content("half");
    s.error();
  });
  await expect(chat().invoke("hi")).rejects.toMatchObject({ status: 502 });
  const read = async (): Promise<void> => {
    for await (const _chunk of await chat().stream("hi"));
  };
  await expect(read()).rejects.toThrow("The provider's backend failed.");
});

it("embeds documents", async () => {
  const provider = await hearth.provider(
    (s) => {
      const data = (s.body["input"] as string[]).map((text, index) => ({ index, embedding: [text.length, -0.25] }));
      s.raw(JSON.stringify({ data }), true);
      s.complete({ prompt_tokens: 4, completion_tokens: 0 });
    },
    { models: [{ id: "m", capabilities: { embeddings: true } }] },
  );
  const embeddings = new OpenAIEmbeddings({ ...settings(), dimensions: 2 });
  const vectors = await embeddings.embedDocuments(["a", "bb"]);
  expect(vectors).toEqual([
    [1, -0.25],
    [2, -0.25],
  ]);
  expect(provider.streams[0]?.body).toEqual({ model: "m", input: ["a", "bb"], dimensions: 2 });
});
