import OpenAI, { AuthenticationError, NotFoundError } from "openai";
import { afterEach, beforeEach, expect, it } from "vitest";
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

const client = (apiKey = API_KEY): OpenAI =>
  new OpenAI({ apiKey, baseURL: `${hearth.url}/v1`, maxRetries: 0, fetch: checked.fetch });

it("lists what somebody serves now, each once, and finds one by its id, slashes and all", async () => {
  const ids = ["mlx-community/Qwen3-4B", "a b?"];
  await hearth.provider((s) => s.answer("hi"), { models: ids.map((id) => ({ id })) });
  await hearth.provider((s) => s.answer("hi"), { models: [{ id: "a b?" }] });
  const { data } = await client().models.list();
  expect(data.map((model) => model.id)).toEqual(ids.toSorted());
  for (const id of ids) expect(await client().models.retrieve(id)).toMatchObject({ id, object: "model" });
  const unescaped = await hearth.get("/v1/models/mlx-community/Qwen3-4B");
  expect(await unescaped.json()).toMatchObject({ id: "mlx-community/Qwen3-4B" });
});

it("does not know a model that nobody serves, and tells strangers nothing", async () => {
  await expect(client().models.retrieve("x/y")).rejects.toBeInstanceOf(NotFoundError);
  await expect(client("wrong").models.list()).rejects.toBeInstanceOf(AuthenticationError);
  await expect(client("wrong").models.retrieve("x/y")).rejects.toBeInstanceOf(AuthenticationError);
});

it("takes no other method", async () => {
  const response = await fetch(`${hearth.url}/v1/models`, { method: "DELETE" });
  expect(response.status).toBe(405);
});
