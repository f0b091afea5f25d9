import { expect, it } from "vitest";
import { behindUrl } from "../../testing/behind-url.js";
import type { Page } from "../../testing/scripted-backend.js";
import type { Rendering } from "../backend.js";

const never = new AbortController().signal;

/** What the embedded engine says of a conversation. */
async function said(page: Page): Promise<Rendering | undefined> {
  const models = [{ id: "m", owned_by: "hearth", meta: { slots: 1 } }];
  const pages = { "GET /health": { body: { slots_running: 0, queued: 0 } }, "POST /apply-template": page };
  await using setting = await behindUrl({ models, pages });
  const renderer = await setting.renderer("m");
  if (renderer === undefined) throw new Error("The engine cannot be asked.");
  return await renderer.ask({ messages: [{ role: "user", content: "Hi" }] }, never);
}

it("has the engine say what it renders, and takes nothing but its refusal for one", async () => {
  expect(await said({ body: { prompt: "Hi" } })).toEqual({ type: "rendered", prompt: "Hi" });
  expect(await said({ status: 400, body: { error: { code: "template_failed" } } })).toEqual({ type: "refused" });
  for (const status of [401, 404, 500, 503]) expect(await said({ status, body: {} })).toBeUndefined();
  expect(await said({ body: {} })).toBeUndefined();
});
