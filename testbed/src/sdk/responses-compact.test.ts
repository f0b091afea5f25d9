import { describe, expect, it } from "vitest";
import { API_KEY } from "../scripted/test-coordinator.js";
import { delta, messagesOf } from "./chat-backend.js";
import { client, hearth, openAiForEach } from "./openai-for-each.js";

openAiForEach();

const told = (index: number, at: Awaited<ReturnType<typeof hearth.provider>>): string =>
  JSON.stringify(messagesOf(at.streams[index]!));

describe("a conversation that is compacted", () => {
  it("goes on from the notes of its model, without its thoughts", async () => {
    const provider = await hearth.provider((s) => {
      delta(s, { reasoning_content: "What matters?" });
      s.answer("The user ", "likes tea.");
    });
    const compacted = await client.responses.compact({
      model: "m" as "gpt-5.2",
      instructions: "Be brief.",
      input: [{ role: "user", content: "I like tea." }],
    });
    expect(compacted).toMatchObject({
      object: "response.compaction",
      output: [{ type: "compaction", encrypted_content: expect.any(String) }],
      usage: { total_tokens: expect.any(Number) },
    });
    expect(messagesOf(provider.streams[0]!)).toMatchObject([
      { role: "system", content: expect.stringContaining("Be brief.") },
      { role: "user", content: expect.stringMatching(/I like tea\..*Write notes only/s) },
    ]);
    const input = [...compacted.output, { role: "user", content: "What do I like?" }] as never;
    await client.responses.create({ model: "m", input });
    expect(told(1, provider)).toContain("The user likes tea.");
    await expect(client.responses.retrieve(compacted.id)).rejects.toMatchObject({ status: 404 });
  });

  it("may be one that is kept", async () => {
    const provider = await hearth.provider((s) => s.answer("tea"));
    const { id } = await client.responses.create({ model: "m", input: "I like tea." });
    await client.responses.compact({ model: "m" as "gpt-5.2", previous_response_id: id });
    expect(told(1, provider)).toContain("I like tea.");
  });

  it("is compacted once where the wish for it stands in the input already", async () => {
    const provider = await hearth.provider((s) => s.answer("tea"));
    const input = [{ role: "user", content: "I like tea." }, { type: "compaction_trigger" }] as never;
    await client.responses.compact({ model: "m" as "gpt-5.2", input });
    expect(told(0, provider).split("Write notes only")).toHaveLength(2);
  });

  it("is an error where the model writes no notes", async () => {
    await hearth.provider((s) => {
      delta(s, { reasoning_content: "What matters?" });
      s.answer();
    });
    const compacted = client.responses.compact({ model: "m" as "gpt-5.2", input: "I like tea." });
    await expect(compacted).rejects.toMatchObject({ status: 502, code: "provider_error" });
  });

  it.each([{}, { input: null }, { input: [] }, { input: 7 }])("is refused where there is none: %j", async (more) => {
    const compacted = client.responses.compact({ model: "m" as "gpt-5.2", ...(more as object) });
    await expect(compacted).rejects.toMatchObject({ status: 400, param: "input" });
  });

  it("is no answer that is kept, whatever the method", async () => {
    const headers = { authorization: `Bearer ${API_KEY}` };
    const response = await fetch(`${hearth.url}/v1/responses/compact`, { headers });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
  });
});
