import { describe, expect, it } from "vitest";
import { behindUrl } from "../../testing/behind-url.js";
import type { Page, Pages } from "../../testing/scripted-backend.js";
import type { Rendering } from "../backend.js";

const never = new AbortController().signal;

/** A llama-server with one model, that says this of a conversation; `more` is what its `/props` have besides. */
const served = (says: Page | Pages = {}, more: object = {}, models: readonly object[] = [{}]) =>
  behindUrl({
    models: models.map((model) => ({ id: "m", owned_by: "llamacpp", ...model })),
    pages: {
      "GET /props": { body: { total_slots: 1, model_path: "/m.gguf", build_info: "b1", ...more } },
      "POST /v1/chat/completions": { status: 400, body: {} },
      ...("body" in says ? { "POST /apply-template": says as Page } : (says as Pages)),
    },
    scripted: [],
  });

const CONVERSATION = { messages: [{ role: "user", content: "Hi" }] };

async function said(says: Page | Pages, models?: readonly object[]): Promise<Rendering | undefined> {
  await using setting = await served(says, {}, models);
  return await (await setting.renderer("m"))?.ask(CONVERSATION, never);
}

describe("what a llama-server renders", () => {
  it("is shown", async () => {
    expect(await said({ body: { prompt: "user: Hi" } })).toEqual({ type: "rendered", prompt: "user: Hi" });
  });

  it.each([400, 500])("is refused by a %i", async (status) => {
    expect(await said({ status, body: { error: { code: status, message: "Jinja Exception: no" } } })).toEqual({
      type: "refused",
    });
  });

  it.each([301, 401, 403, 404, 405, 408, 413, 429, 501, 502, 503, 504])("is not said by a %i", async (status) => {
    expect(await said({ status, body: {} })).toBeUndefined();
  });

  it("is not said by a router that has unloaded the model, in whatever words", async () => {
    const query = "?model=m&autoload=false";
    const props: Page = { body: { total_slots: 1, model_path: "/m.gguf" } };
    const gone: Page = { status: 400, body: { error: { message: "model is not loaded" } } };
    const loaded = [{ status: { value: "loaded" } }];
    const asked = { [`POST /apply-template${query}`]: gone };
    let looks = 0;
    const unloading = { [`GET /props${query}`]: (): Page => (looks++ === 0 ? props : gone) };
    expect(await said({ ...asked, ...unloading }, loaded)).toBeUndefined();
    expect(looks).toBe(2);
    expect(await said({ ...asked, [`GET /props${query}`]: props }, loaded)).toEqual({ type: "refused" });
  });

  it("is another's when the program, the model or the template is another", async () => {
    const stampWith = async (more: object): Promise<string | undefined> => {
      await using setting = await served({}, more);
      return (await setting.renderer("m"))?.stamp;
    };
    const variants = [{}, { build_info: "b2" }, { model_path: "/n.gguf" }, { chat_template: "{{ x }}" }];
    const stamps = await Promise.all(variants.map(stampWith));
    expect(stamps).not.toContain(undefined);
    expect(new Set(stamps).size).toBe(variants.length);
    expect(await stampWith({ total_slots: 4 })).toBe(stamps[0]);
  });

  it("is not asked of one that sleeps, or that has no chats", async () => {
    await using asleep = await served({}, { is_sleeping: true });
    expect(await asleep.renderer("m")).toBeUndefined();
    await using embeds = await served({
      "POST /v1/chat/completions": { status: 501, body: {} },
      "POST /v1/embeddings": { status: 400, body: {} },
    });
    expect(await embeds.renderer("m")).toBeUndefined();
  });
});
