import Anthropic, { AuthenticationError, BadRequestError, NotFoundError } from "@anthropic-ai/sdk";
import { afterEach, beforeEach, expect, it } from "vitest";
import { API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

let hearth: TestCoordinator;

beforeEach(async () => {
  hearth = await startTestCoordinator();
});
afterEach(() => hearth.stop());

const client = (apiKey = API_KEY): Anthropic => new Anthropic({ apiKey, baseURL: hearth.url, maxRetries: 0 });

const SEES = {
  id: "mlx-community/Qwen3-VL",
  context_length: 32_768,
  capabilities: { vision: true, structured_output: true, reasoning: true },
};

it("lists models in Anthropic's form, and finds one by its id, slashes and all", async () => {
  await hearth.provider((s) => s.answer("hi"), { models: [SEES, { id: "b" }] });
  const { data, has_more } = await client().models.list();
  expect([data.map(({ id }) => id), has_more]).toEqual([["b", SEES.id], false]);
  const found = await client().models.retrieve(SEES.id);
  expect(found).toEqual(data[1]);
  expect(found).toMatchObject({
    type: "model",
    display_name: SEES.id,
    max_input_tokens: 32_768,
    capabilities: {
      image_input: { supported: true },
      structured_outputs: { supported: true },
      thinking: { supported: true },
      batch: { supported: false },
    },
  });
  expect(Number.isNaN(Date.parse(found.created_at))).toBe(false);
  const plain = await client().models.retrieve("b");
  expect(plain).toMatchObject({ max_input_tokens: null, capabilities: { image_input: { supported: false } } });
  expect(plain).not.toHaveProperty("object");
});

it("goes through pages", async () => {
  const ids = ["a", "b", "c", "d", "e"];
  await hearth.provider((s) => s.answer("hi"), { models: ids.map((id) => ({ id })) });
  const seen: string[] = [];
  for await (const { id } of client().models.list({ limit: 2 })) seen.push(id);
  expect(seen).toEqual(ids);
  const { data } = await client().models.list({ limit: 2, before_id: "d" });
  expect(data.map(({ id }) => id)).toEqual(["b", "c"]);
  await expect(client().models.list({ limit: 0 })).rejects.toBeInstanceOf(BadRequestError);
});

it("tells errors in Anthropic's form", async () => {
  const error = await client()
    .models.retrieve("x/y")
    .catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(NotFoundError);
  expect((error as NotFoundError).error).toMatchObject({
    type: "error",
    error: { type: "not_found_error", message: "The model 'x/y' does not exist." },
  });
  await expect(client("wrong").models.list()).rejects.toBeInstanceOf(AuthenticationError);
});
