import { expect, it } from "vitest";
import { z } from "zod";
import { API_KEY, startTestCoordinator } from "../scripted/test-coordinator.js";
import { OBLIGING, obligingModel } from "./obliging-model.js";

// What Open Responses (openresponses.org) demands of a server: a response with every member, also those that OpenAI's
// own description lets a server leave out; the events of a stream, each with all its members; and what its suite tries.

const count = z.int().min(0);

const text = z.object({
  type: z.literal("output_text"),
  text: z.string(),
  annotations: z.array(z.object({ type: z.string() })),
  logprobs: z.array(z.unknown()),
});
const refusal = z.object({ type: z.literal("refusal"), refusal: z.string() });
const status = z.enum(["in_progress", "completed", "incomplete"]);

const item = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("message"),
    id: z.string().min(1),
    status,
    role: z.literal("assistant"),
    content: z.array(z.discriminatedUnion("type", [text, refusal])),
  }),
  z.object({
    type: z.literal("function_call"),
    id: z.string().min(1),
    call_id: z.string().min(1),
    name: z.string().min(1),
    arguments: z.string(),
    status,
  }),
  z.object({
    type: z.literal("reasoning"),
    id: z.string().min(1),
    summary: z.array(z.object({ type: z.literal("summary_text"), text: z.string() })),
  }),
]);

const response = z.object({
  id: z.string().min(1),
  object: z.literal("response"),
  created_at: count,
  completed_at: count.nullable(),
  status: z.enum(["in_progress", "completed", "incomplete", "failed", "queued", "cancelled"]),
  incomplete_details: z.object({ reason: z.string() }).nullable(),
  model: z.string(),
  previous_response_id: z.string().nullable(),
  instructions: z.string().nullable(),
  output: z.array(item),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  tools: z.array(
    z.object({
      type: z.literal("function"),
      name: z.string(),
      description: z.string().nullable(),
      parameters: z.looseObject({}).nullable(),
      strict: z.boolean().nullable(),
    }),
  ),
  tool_choice: z.union([z.enum(["none", "auto", "required"]), z.object({ type: z.string() })]),
  truncation: z.enum(["auto", "disabled"]),
  parallel_tool_calls: z.boolean(),
  text: z.object({ format: z.object({ type: z.string() }) }),
  top_p: z.number(),
  presence_penalty: z.number(),
  frequency_penalty: z.number(),
  top_logprobs: count,
  temperature: z.number(),
  reasoning: z.object({ effort: z.string().nullable(), summary: z.string().nullable() }).nullable(),
  usage: z
    .object({
      input_tokens: count,
      output_tokens: count,
      total_tokens: count,
      input_tokens_details: z.object({ cached_tokens: count }),
      output_tokens_details: z.object({ reasoning_tokens: count }),
    })
    .nullable(),
  max_output_tokens: count.nullable(),
  max_tool_calls: count.nullable(),
  store: z.boolean(),
  background: z.boolean(),
  service_tier: z.string(),
  metadata: z.looseObject({}),
  safety_identifier: z.string().nullable(),
  prompt_cache_key: z.string().nullable(),
});
type OpenResponse = z.infer<typeof response>;

const numbered = { sequence_number: count };
const placed = { ...numbered, output_index: count };
const inItem = { ...placed, item_id: z.string().min(1) };
const inPart = { ...inItem, content_index: count };
const withLogprobs = { logprobs: z.array(z.unknown()) };
const part = z.discriminatedUnion("type", [text, refusal]);

const event = z.discriminatedUnion("type", [
  z.object({
    type: z.enum(["response.created", "response.in_progress", "response.completed", "response.incomplete"]),
    ...numbered,
    response,
  }),
  z.object({ type: z.enum(["response.output_item.added", "response.output_item.done"]), ...placed, item }),
  z.object({ type: z.enum(["response.content_part.added", "response.content_part.done"]), ...inPart, part }),
  z.object({ type: z.literal("response.output_text.delta"), ...inPart, ...withLogprobs, delta: z.string() }),
  z.object({ type: z.literal("response.output_text.done"), ...inPart, ...withLogprobs, text: z.string() }),
  z.object({ type: z.literal("response.function_call_arguments.delta"), ...inItem, delta: z.string() }),
  z.object({ type: z.literal("response.function_call_arguments.done"), ...inItem, arguments: z.string() }),
]);

const said = (role: string, content: unknown): object => ({ type: "message", role, content });
const weather = {
  type: "function",
  name: "get_weather",
  parameters: { type: "object", properties: { location: { type: "string" } }, required: ["location"] },
};
const PNG =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";

interface Use {
  readonly body: object;
  /** What its answer is to hold. */
  readonly output: object;
}

const textOf = (expected: unknown): object => ({ type: "message", content: [{ type: "output_text", text: expected }] });

const USES: Readonly<Record<string, Use>> = {
  "a plain question": {
    body: { input: [said("user", "Say exactly: hello to you")] },
    output: textOf("hello to you"),
  },
  "words of the system": {
    body: { input: [said("system", 'Always reply with exactly the word "ahoy".'), said("user", "Say hello.")] },
    output: textOf("ahoy"),
  },
  "a tool without a description": {
    body: { input: [said("user", "What is the weather in San Francisco?")], tools: [weather] },
    output: { type: "function_call", name: "get_weather", arguments: '{"location":"Paris"}' },
  },
  "an image": {
    body: {
      input: [
        said("user", [
          { type: "input_text", text: "Say exactly: a dot" },
          { type: "input_image", image_url: PNG },
        ]),
      ],
    },
    output: textOf("a dot"),
  },
  "several turns": {
    body: {
      input: [said("user", "My name is Alice."), said("assistant", "Hello, Alice!"), said("user", "What is my name?")],
    },
    output: textOf("Alice"),
  },
};

async function ask(url: string, body: object): Promise<Response> {
  const answer = await fetch(`${url}/v1/responses`, {
    method: "POST",
    headers: { Authorization: `Bearer ${API_KEY}`, "Content-Type": "application/json" },
    body: JSON.stringify({ model: "m", ...body }),
  });
  expect(answer.status).toBe(200);
  return answer;
}

/** @throws where an event is not as it should be */
async function streamed(url: string, body: object): Promise<readonly z.infer<typeof event>[]> {
  const stream = await (await ask(url, { ...body, stream: true })).text();
  const events = stream.trimEnd().split("\n\n");
  expect(events.at(-1)).toBe("data: [DONE]");
  return events.slice(0, -1).map((each) => {
    const [, name, data] = /^event: (\S+)\ndata: (.*)$/.exec(each) ?? [];
    const read = event.parse(JSON.parse(data ?? ""));
    expect(read.type).toBe(name);
    return read;
  });
}

it.each(Object.entries(USES))("answers %s as Open Responses has it, whole and streamed", async (_name, use) => {
  await using hearth = await startTestCoordinator();
  const provider = await hearth.provider(obligingModel, { models: [{ id: "m", ...OBLIGING }] });
  const whole: OpenResponse = response.parse(await (await ask(hearth.url, use.body)).json());
  expect(whole).toMatchObject({ status: "completed", output: [use.output] });
  const events = await streamed(hearth.url, use.body);
  expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, index) => index));
  expect(events[0]?.type).toBe("response.created");
  expect(events.at(-1)).toMatchObject({ type: "response.completed", response: { output: [use.output] } });
  // The image has to reach the model.
  const seen = JSON.stringify(provider.streams[0]?.body);
  expect(seen.includes(PNG)).toBe(JSON.stringify(use.body).includes(PNG));
});
