import type OpenAI from "openai";
import { APIError, BadRequestError } from "openai";
import { describe, expect, it } from "vitest";
import type { ScriptedStream } from "../scripted/scripted-stream.js";
import { delta } from "./chat-backend.js";
import { client, hearth, openAiForEach } from "./openai-for-each.js";

openAiForEach();

const ask = (more: object = {}) => ({ model: "m", prompt: "Once", ...more });

async function streamed(more: object = {}): Promise<OpenAI.Completion[]> {
  const chunks: OpenAI.Completion[] = [];
  for await (const chunk of await client.completions.create({ ...ask(more), stream: true })) chunks.push(chunk);
  return chunks;
}

const textOf = (chunks: readonly OpenAI.Completion[]): string =>
  chunks.map((chunk) => chunk.choices[0]?.text ?? "").join("");

describe("a backend that only chats", () => {
  it("gets the prompt as a message, and its answer comes back as text", async () => {
    const provider = await hearth.provider((s) => s.answer(" upon", " a time"));
    const whole = await client.completions.create(ask({ max_tokens: 5, temperature: 0 }));
    expect(whole).toMatchObject({
      object: "text_completion",
      choices: [{ text: " upon a time", index: 0, logprobs: null, finish_reason: "stop" }],
      usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
    });
    expect(provider.streams[0]?.frame.dialect).toBe("chat_completions");
    expect(provider.streams[0]?.body).toEqual({
      model: "m",
      max_tokens: 5,
      temperature: 0,
      stream: true,
      stream_options: { include_usage: true },
      messages: [{ role: "user", content: "Once" }],
    });
    const chunks = await streamed({ stream_options: { include_usage: true } });
    expect(textOf(chunks)).toBe(" upon a time");
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe("stop");
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 5 } });
  });

  it("has the prompt echoed for it", async () => {
    await hearth.provider((s) => s.answer(" upon", " a time"));
    expect((await client.completions.create(ask({ echo: true }))).choices[0]?.text).toBe("Once upon a time");
    expect(textOf(await streamed({ echo: true }))).toBe("Once upon a time");
  });

  it("is told of no bound where that is -1", async () => {
    const provider = await hearth.provider((s) => s.answer("a"));
    await client.completions.create(ask({ max_tokens: -1 }));
    expect(provider.streams[0]?.body).not.toHaveProperty("max_tokens");
  });

  it("gives the echo alone where nothing else is wanted", async () => {
    const provider = await hearth.provider((s) => s.answer(" upon"));
    const whole = await client.completions.create(ask({ echo: true, max_tokens: 0 }));
    expect(whole.choices).toEqual([{ text: "Once", index: 0, logprobs: null, finish_reason: "stop" }]);
    expect(textOf(await streamed({ echo: true, max_tokens: 0 }))).toBe("Once");
    expect(provider.streams[0]?.body).toMatchObject({ max_tokens: 1 });
  });

  it("has its log probabilities written as parallel lists", async () => {
    const token = (text: string) => ({
      token: text,
      logprob: -1,
      bytes: null,
      top_logprobs: [{ token: "x", logprob: -2 }],
    });
    const provider = await hearth.provider((s) => {
      s.role();
      for (const text of ["ab", "c"]) {
        const choice = {
          index: 0,
          delta: { content: text },
          finish_reason: null,
          logprobs: { content: [token(text)] },
        };
        s.event({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [choice] });
      }
      s.finish();
      s.end();
    });
    expect((await client.completions.create(ask({ logprobs: 1 }))).choices[0]?.logprobs).toEqual({
      tokens: ["ab", "c"],
      token_logprobs: [-1, -1],
      top_logprobs: [{ x: -2 }, { x: -2 }],
      text_offset: [0, 2],
    });
    expect(provider.streams[0]?.body).toMatchObject({ logprobs: true, top_logprobs: 1 });
  });

  it("does not show what it thinks, and a reasoning chunk makes no event", async () => {
    await hearth.provider((s) => {
      s.role();
      delta(s, { reasoning_content: "hm" });
      s.content("yes");
      s.end();
    });
    const chunks = await streamed();
    expect(textOf(chunks)).toBe("yes");
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe("stop");
  });
});

describe("a backend that speaks this API", () => {
  const native = { models: [{ id: "m", dialects: ["completions" as const, "chat_completions" as const] }] };
  const chunk = (s: ScriptedStream, choice: object): void =>
    s.event({ id: "cmpl-1", object: "text_completion", created: 1, model: "m", choices: [choice] });

  it("gets the request as it is, and a well-formed chunk is passed on byte for byte", async () => {
    const provider = await hearth.provider((s) => {
      s.raw(
        'data: {"id":"cmpl-1", "object":"text_completion","created":1,"model":"m","choices":[{"index":0,"text":"a","logprobs":null,"finish_reason":null}], "x":1e2}\n\n',
      );
      chunk(s, { text: "b" });
      chunk(s, { text: "", finish_reason: "eos" });
      s.end();
    }, native);
    const response = await client.completions
      .create({ ...ask({ suffix: "end", prompt: ["Once"] }), stream: true })
      .asResponse();
    const text = await response.text();
    expect(text).toContain('{"id":"cmpl-1", "object":"text_completion"');
    expect(text.match(/\[DONE\]/g)).toHaveLength(1);
    expect(provider.streams[0]?.frame.dialect).toBe("completions");
    expect(provider.streams[0]?.body).toMatchObject({ prompt: ["Once"], suffix: "end" });
    const whole = await client.completions.create(ask());
    expect(whole.choices).toEqual([{ text: "ab", index: 0, logprobs: null, finish_reason: "stop" }]);
  });

  it("alone gets what a chat has no form for", async () => {
    await hearth.provider((s) => s.answer("never"));
    for (const more of [{ suffix: "end" }, { prompt: [1, 2, 3] }]) {
      const refused = client.completions.create(ask(more));
      await expect(refused).rejects.toMatchObject({ status: 400, code: "capability_unsupported" });
    }
    const provider = await hearth.provider((s) => {
      chunk(s, { text: "middle", finish_reason: "stop" });
      s.end();
    }, native);
    expect((await client.completions.create(ask({ prompt: [[1, 2, 3]] }))).choices[0]?.text).toBe("middle");
    expect(provider.streams[0]?.body["prompt"]).toEqual([[1, 2, 3]]);
  });
});

describe("errors", () => {
  it.each([
    ["prompt", { prompt: ["a", "b"] }],
    ["prompt", { prompt: undefined }],
    ["n", { n: 9 }],
    ["best_of", { best_of: 2 }],
    ["max_tokens", { max_tokens: 0 }],
    ["max_tokens", { max_tokens: -2, echo: true }],
  ])("name %s when it cannot be served", async (param, more) => {
    await expect(client.completions.create(ask(more))).rejects.toSatisfy(
      (error) => error instanceof BadRequestError && error.param === param,
    );
  });

  it("come in-band once there is text", async () => {
    await hearth.provider((s) => {
      s.content("half");
      s.error();
    });
    await expect(streamed()).rejects.toBeInstanceOf(APIError);
  });
});
