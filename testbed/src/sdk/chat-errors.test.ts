import OpenAI, { APIError, AuthenticationError, BadRequestError, InternalServerError, NotFoundError } from "openai";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
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

const clientWith = (options: object = {}): OpenAI =>
  new OpenAI({ apiKey: API_KEY, baseURL: `${hearth.url}/v1`, maxRetries: 0, fetch: checked.fetch, ...options });

const ask = (more: object = {}) => ({ model: "m", messages: [{ role: "user" as const, content: "hi" }], ...more });

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
    const error = await errorOf(clientWith({ apiKey: "wrong" }).chat.completions.create(ask()));
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error.code).toBe("invalid_api_key");
  });

  it("an unknown model is a NotFoundError", async () => {
    const error = await errorOf(clientWith().chat.completions.create(ask({ model: "nobody/serves-this" })));
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error).toMatchObject({ code: "model_not_found", param: "model" });
  });

  it.each([
    ["n", { n: 9 }],
    ["max_tokens", { max_tokens: 0 }],
    ["max_tokens", { max_tokens: -2 }],
    ["max_completion_tokens", { max_completion_tokens: 0 }],
    ["messages", { messages: [] }],
    ["messages[0].content[0].type", { messages: [{ role: "user", content: [{ text: "no type" }] }] }],
    ["stop", { stop: 7 }],
    ["temperature", { temperature: 3 }],
  ])("a bad %s is a BadRequestError that names it", async (param, more) => {
    const error = await errorOf(clientWith().chat.completions.create(ask(more)));
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error.param).toBe(param);
  });

  it("a backend's own refusal arrives in its own words, and is not tried again", async () => {
    const provider = await hearth.provider((s) =>
      s.errorWithBody(400, {
        error: { message: "grammar is broken", type: "invalid_request_error", param: "grammar" },
      }),
    );
    const error = await errorOf(clientWith({ maxRetries: 2 }).chat.completions.create(ask()));
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error.error).toMatchObject({ message: "grammar is broken", param: "grammar" });
    expect(provider.streams).toHaveLength(1);
  });

  it("a failing provider is an InternalServerError", async () => {
    await hearth.provider((s) => s.error());
    const error = await errorOf(clientWith().chat.completions.create(ask({ stream: true })));
    expect(error).toBeInstanceOf(InternalServerError);
    expect(error.code).toBe("provider_error");
  });

  it("what no provider can do is not tried again, however long the SDK would", async () => {
    await hearth.provider((s) => s.answer("never"));
    const image = { type: "image_url", image_url: { url: "data:image/png;base64,AA" } };
    const startedAt = performance.now();
    const request = ask({ messages: [{ role: "user", content: [image] }] });
    const error = await errorOf(clientWith({ maxRetries: 2 }).chat.completions.create(request));
    expect(error).toMatchObject({ status: 400, code: "capability_unsupported" });
    expect(error.headers?.get("x-should-retry")).toBe("false");
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });
});

describe("after the answer has begun", () => {
  it("a failure reaches even a slow reader as an APIError, after all the content", async () => {
    await hearth.provider((s) => {
      s.role();
      for (let i = 0; i < 50; i++) s.content(`${i} `);
      s.error();
    });
    const stream = await clientWith().chat.completions.create({ ...ask(), stream: true });
    let text = "";
    const read = async (): Promise<void> => {
      for await (const chunk of stream) {
        text += chunk.choices[0]?.delta.content ?? "";
        await new Promise(setImmediate);
      }
    };
    const error = await errorOf(read());
    expect(error.code).toBe("provider_error");
    expect(text).toBe(Array.from({ length: 50 }, (_, i) => `${i} `).join(""));
  });

  it("a truncated stream is an error, streamed or whole", async () => {
    await hearth.provider((s) => {
      s.role();
      s.content("half");
      s.raw("", true);
      s.complete();
    });
    const streamed = await errorOf(clientWith().chat.completions.stream(ask()).finalChatCompletion());
    expect(streamed).toBeInstanceOf(APIError);
    const whole = await errorOf(clientWith().chat.completions.create(ask()));
    expect(whole).toBeInstanceOf(InternalServerError);
  });

  it("tells the error once, and one [DONE] behind it", async () => {
    await hearth.provider((s) => {
      s.content("half");
      s.error();
    });
    const text = await (await hearth.chat(ask({ stream: true }))).text();
    expect(text).toMatch(/data: \{"error":\{.*\}\}\n\ndata: \[DONE\]\n\n$/);
    expect(text.match(/"error"/g)).toHaveLength(1);
  });
});
