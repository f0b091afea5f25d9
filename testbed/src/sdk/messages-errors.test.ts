import Anthropic, { APIError } from "@anthropic-ai/sdk";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

let hearth: TestCoordinator;

beforeEach(async () => {
  hearth = await startTestCoordinator();
});

afterEach(() => hearth.stop());

const clientWith = (options: object = {}): Anthropic =>
  new Anthropic({ apiKey: API_KEY, baseURL: hearth.url, maxRetries: 0, ...options });

const ask = (more: object = {}): Anthropic.MessageCreateParamsNonStreaming => ({
  model: "m",
  max_tokens: 100,
  messages: [{ role: "user", content: "hi" }],
  ...more,
});

async function errorOf(promise: PromiseLike<unknown>): Promise<APIError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof APIError) return error;
    throw error;
  }
  throw new Error("no error");
}

describe("before the answer has begun", () => {
  it("an unknown key is an AuthenticationError", async () => {
    const error = await errorOf(clientWith({ apiKey: "wrong" }).messages.create(ask()));
    expect(error).toBeInstanceOf(Anthropic.AuthenticationError);
    expect(error.error).toMatchObject({ type: "error", error: { type: "authentication_error" } });
  });

  it("an unknown model is a NotFoundError that carries the request's id", async () => {
    const error = await errorOf(clientWith().messages.create(ask({ model: "nobody/serves-this" })));
    expect(error).toBeInstanceOf(Anthropic.NotFoundError);
    expect(error.error).toMatchObject({ error: { type: "not_found_error" }, request_id: error.requestID });
  });

  it("a bad member is a BadRequestError that names it", async () => {
    const error = await errorOf(clientWith().messages.create(ask({ messages: [{ role: "user", content: [{}] }] })));
    expect(error).toBeInstanceOf(Anthropic.BadRequestError);
    expect(error.message).toContain("messages[0].content[0].type");
  });

  it("a backend's own refusal arrives in its own words, and is not tried again", async () => {
    const provider = await hearth.provider((s) => s.errorWithBody(400, { error: { message: "grammar is broken" } }));
    const error = await errorOf(clientWith({ maxRetries: 2 }).messages.create(ask()));
    expect(error).toBeInstanceOf(Anthropic.BadRequestError);
    expect(error.message).toContain("grammar is broken");
    expect(provider.streams).toHaveLength(1);
  });

  it("a failing provider is an InternalServerError, streamed or whole", async () => {
    await hearth.provider((s) => s.error());
    for (const call of [clientWith().messages.create(ask()), clientWith().messages.stream(ask()).finalMessage()]) {
      const error = await errorOf(call);
      expect(error).toBeInstanceOf(Anthropic.InternalServerError);
      expect(error.error).toMatchObject({ type: "error", error: { type: "api_error" } });
    }
  });

  it("counting refuses what asking would", async () => {
    const error = await errorOf(clientWith().messages.countTokens({ model: "m", messages: [] }));
    expect(error).toBeInstanceOf(Anthropic.BadRequestError);
    expect(error.error).toMatchObject({ type: "error", error: { type: "invalid_request_error" } });
  });
});

describe("after the answer has begun", () => {
  it("a failure is an APIError after all the content, and nothing follows it", async () => {
    await hearth.provider((s) => {
      s.role();
      for (let i = 0; i < 20; i++) s.content(`${i} `);
      s.error();
    });
    const stream = await clientWith().messages.create({ ...ask(), stream: true });
    let text = "";
    const error = await errorOf(
      (async () => {
        for await (const event of stream) {
          if (event.type === "content_block_delta" && event.delta.type === "text_delta") text += event.delta.text;
        }
      })(),
    );
    expect(error.error).toMatchObject({ type: "error", error: { type: "api_error" } });
    expect(text).toBe(Array.from({ length: 20 }, (_, i) => `${i} `).join(""));
    const raw = await fetch(`${hearth.url}/v1/messages`, {
      method: "POST",
      headers: { "x-api-key": API_KEY, "content-type": "application/json" },
      body: JSON.stringify({ ...ask(), stream: true }),
    });
    const events = (await raw.text()).trimEnd().split("\n\n");
    expect(events.at(-1)).toMatch(/^event: error\ndata: \{"type":"error","error":\{/);
    expect(events.filter((event) => /^event: (error|message_delta|message_stop)/.test(event))).toHaveLength(1);
  });

  it("a truncated stream is an error, streamed or whole", async () => {
    await hearth.provider((s) => {
      s.role();
      s.content("half");
      s.raw("", true);
      s.complete();
    });
    await errorOf(clientWith().messages.stream(ask()).finalMessage());
    expect(await errorOf(clientWith().messages.create(ask()))).toBeInstanceOf(Anthropic.InternalServerError);
  });
});
