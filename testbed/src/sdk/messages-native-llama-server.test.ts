import { createHash } from "node:crypto";
import Anthropic from "@anthropic-ai/sdk";
import { verifyDocument } from "@hearth/attestation";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { messagesProblems } from "../../../coordinator/src/testing/messages-grammar.js";
import { LlamaServer } from "../../../provider-agent/src/testing/llama-server.js";
import { TestAgent } from "../../../provider-agent/src/testing/test-agent.js";
import { until } from "../scripted/answers.js";
import { API_KEY, PROVIDER_TOKEN, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { eventually } from "../system/eventually.js";
import { NativeFront } from "./native-front.js";

const program = process.env["LLAMA_SERVER"];
if (program === undefined) console.warn("NOTICE: LLAMA_SERVER is not set; tests with a real llama-server are skipped.");

const question = "What is 7 + 8?";
const greedy: object = { temperature: 0 };
const messages = [{ role: "user" as const, content: question }];
/** Its Responses go on until they are stopped; its Messages drop this, and need a long list to write. */
const endless: object = { ignore_eos: true };

/** An agent before a backend, and an SDK of each dialect before its coordinator. */
class World implements AsyncDisposable {
  readonly hearth: TestCoordinator;
  readonly anthropic: Anthropic;
  readonly openai: OpenAI;
  readonly #agent: TestAgent;

  private constructor(hearth: TestCoordinator, agent: TestAgent) {
    this.hearth = hearth;
    this.#agent = agent;
    this.anthropic = new Anthropic({ apiKey: API_KEY, baseURL: hearth.url, maxRetries: 0 });
    this.openai = new OpenAI({ apiKey: API_KEY, baseURL: `${hearth.url}/v1`, maxRetries: 0 });
  }

  static async start(backendUrl: string): Promise<World> {
    const hearth = await startTestCoordinator();
    let registered = false;
    const onRegistered = (): void => {
      registered = true;
    };
    const coordinator = `${hearth.url.replace("http", "ws")}/ws/provider`;
    const config = { tokenFor: () => PROVIDER_TOKEN, nativeDialects: ["responses", "messages"] as const };
    const agent = new TestAgent({ coordinators: [coordinator], backend: backendUrl, config }, { onRegistered });
    await until("the agent is registered", () => registered, 20_000);
    return new World(hearth, agent);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent[Symbol.asyncDispose]();
    await this.hearth.stop();
  }
}

describe.skipIf(program === undefined)("a real llama-server that is asked in its own dialects", () => {
  let server: LlamaServer;
  let front: NativeFront;
  let world: World;

  beforeAll(async () => {
    server = await LlamaServer.start(program ?? "");
    front = await NativeFront.start(server.origin, "pico");
    world = await World.start(front.url);
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
    await front[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  /** The path of the newest request to the backend. */
  const asked = (): string | undefined => front.requests.at(-1)?.path;

  /** The receipt of an answer, once it has been found to be true. */
  async function receiptOf(answer: Response) {
    const [finding] = verifyDocument(await world.hearth.receipt(answer));
    expect(finding).toMatchObject({ subject: "receipt", valid: true });
    return finding?.receipt;
  }

  function post(path: string, body: object): Promise<Response> {
    const headers = { authorization: `Bearer ${API_KEY}`, "content-type": "application/json" };
    return fetch(`${world.hearth.url}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  }

  it("answers Anthropic's SDK, whole and streamed, by the rules", async () => {
    const params = { model: "pico", max_tokens: 40, ...greedy, messages };
    const whole = await world.anthropic.messages.create(params);
    expect(JSON.stringify(whole.content)).toContain("15");
    expect(asked()).toBe("/v1/messages");
    const events: Anthropic.RawMessageStreamEvent[] = [];
    const stream = world.anthropic.messages.stream(params).on("streamEvent", (event) => events.push(event));
    const streamed = await stream.finalMessage();
    expect(streamed.content).toEqual(whole.content);
    expect(streamed.stop_reason).toBe("end_turn");
    expect(messagesProblems(events as never)).toEqual([]);
    expect(asked()).toBe("/v1/messages");
  });

  it("names the stop sequence that ended the answer, whole and streamed", async () => {
    const params = { model: "pico", max_tokens: 40, ...greedy, messages, stop_sequences: ["never", "5"] };
    const stopped = { stop_reason: "stop_sequence", stop_sequence: "5" };
    expect(await world.anthropic.messages.create(params)).toMatchObject(stopped);
    expect(await world.anthropic.messages.stream(params).finalMessage()).toMatchObject(stopped);
    expect(asked()).toBe("/v1/messages");
  });

  it("calls a tool for Anthropic's SDK, whole and streamed", async () => {
    const params: Anthropic.MessageCreateParamsNonStreaming = {
      model: "pico",
      max_tokens: 200,
      ...greedy,
      messages: [{ role: "user", content: "What is the weather in Paris?" }],
      tools: [
        {
          name: "get_weather",
          description: "Get the weather in a city",
          input_schema: { type: "object", properties: { city: { type: ["string", "null"] } }, required: ["city"] },
        },
      ],
      tool_choice: { type: "any" },
    };
    for (const message of [
      await world.anthropic.messages.create(params),
      await world.anthropic.messages.stream(params).finalMessage(),
    ]) {
      expect(message.stop_reason).toBe("tool_use");
      expect(message.content.at(-1)).toMatchObject({ type: "tool_use", name: "get_weather", input: { city: "Paris" } });
    }
    expect(asked()).toBe("/v1/messages");
  });

  it("answers OpenAI's SDK at /v1/responses, whole and event by event", async () => {
    const params = { model: "pico", max_output_tokens: 40, temperature: 0, input: question, store: false };
    const whole = await world.openai.responses.create(params);
    expect(whole.output_text).toContain("15");
    expect(asked()).toBe("/v1/responses");
    let text = "";
    let last: OpenAI.Responses.ResponseStreamEvent | undefined;
    for await (const event of await world.openai.responses.create({ ...params, stream: true })) {
      last = event;
      if (event.type === "response.output_text.delta") text += event.delta;
    }
    expect(text).toBe(whole.output_text);
    expect(last?.type).toBe("response.completed");
    expect(asked()).toBe("/v1/responses");
  });

  it.each([
    ["/v1/messages", { max_tokens: 40, messages }],
    ["/v1/responses", { max_output_tokens: 40, input: question, store: false }],
  ] as const)(
    "has a true receipt for %s, over exactly the bytes of both sides and the backend's counts",
    async (path, body) => {
      const sha256 = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex");
      const answer = await post(path, { model: "pico", temperature: 0, stream: true, ...body });
      // The end mark behind the events of Responses is the coordinator's own.
      const [events = ""] = (await answer.text()).split(/(?:data: \[DONE\]\n\n)?: hearth-receipt /);
      const receipt = await receiptOf(answer);
      expect(receipt?.response_hash).toBe(sha256(events));
      expect(receipt?.request_hash).toBe(sha256(front.requests.at(-1)?.body ?? ""));
      const usage = { prompt_tokens: 17, completion_tokens: 10 };
      expect(receipt).toMatchObject({ model: "pico", usage });
      const whole = await post(path, { model: "pico", temperature: 0, ...body });
      expect((await receiptOf(whole))?.usage).toMatchObject(usage);
    },
  );

  /** The newest request was ended before its answer was, and the slot is free. */
  async function left(): Promise<void> {
    await eventually("the backend is left", () => front.requests.at(-1)?.abandoned === true);
    await eventually("the slot is free", async () => (await server.busySlots()) === 0);
  }

  it("frees its slot when an SDK goes away in the middle", async () => {
    const list = { type: "array", minItems: 1_000, items: { type: "integer" } };
    const stream = world.anthropic.messages.stream({
      model: "pico",
      max_tokens: 3_500,
      messages,
      tools: [{ name: "count", input_schema: { type: "object", properties: { list }, required: ["list"] } }],
      tool_choice: { type: "any" },
    });
    await stream.emitted("inputJson");
    expect(await server.busySlots()).toBe(1);
    stream.abort();
    await expect(stream.done()).rejects.toThrow(Anthropic.APIUserAbortError);
    await left();
    const params = { model: "pico", input: question, max_output_tokens: 3_500, store: false, ...endless };
    for await (const event of await world.openai.responses.create({ ...params, stream: true })) {
      if (event.type === "response.output_text.delta") break;
    }
    await left();
  });

  it("has its refusal told in the consumer's dialect", async () => {
    const long = [{ role: "user" as const, content: "a ".repeat(20_000) }];
    const refused = world.anthropic.messages.create({ model: "pico", max_tokens: 9, messages: long });
    await expect(refused).rejects.toThrow(Anthropic.BadRequestError);
    expect(front.requests.at(-1)?.body.length).toBeGreaterThan(40_000);
  });
});

describe.skipIf(program === undefined)("a real llama-server that says what it is", () => {
  let server: LlamaServer;
  let world: World;

  beforeAll(async () => {
    server = await LlamaServer.start(program ?? "");
    world = await World.start(server.url);
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  it("is asked in chats, and gives the form that was asked for, which its own Messages would ignore", async () => {
    const schema = {
      type: "object",
      properties: { sum: { type: "integer" } },
      required: ["sum"],
      additionalProperties: false,
    };
    const message = await world.anthropic.messages.create({
      model: "pico",
      max_tokens: 40,
      ...greedy,
      messages,
      output_config: { format: { type: "json_schema", schema } },
    });
    const [block] = message.content;
    expect(JSON.parse(block?.type === "text" ? block.text : "")).toEqual({ sum: expect.any(Number) });
  });

  it("is put together by OpenAI's SDK from a stream, which its own Responses could not be", async () => {
    const params = { model: "pico", max_output_tokens: 2, temperature: 0, input: question };
    const final = await world.openai.responses.stream(params).finalResponse();
    expect(final).toMatchObject({ status: "incomplete", incomplete_details: { reason: "max_output_tokens" } });
  });
});
