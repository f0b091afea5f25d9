import { DEFAULT_SELECTION } from "@hearth/coordinator/internals";
import { FakeClock } from "@hearth/platform/testing";
import type OpenAI from "openai";
import { APIError } from "openai";
import { describe, expect, it } from "vitest";
import { until } from "../scripted/answers.js";
import { AttestingMachine } from "../scripted/attesting-machine.js";
import type { ScriptedStream } from "../scripted/scripted-stream.js";
import { startTestCoordinator } from "../scripted/test-coordinator.js";
import { callTools, WEATHER } from "./chat-backend.js";
import { client, hearth, openAiForEach, useCoordinator } from "./openai-for-each.js";

openAiForEach();

const ask = (more: object = {}) => ({
  model: "m",
  n: 3,
  messages: [{ role: "user" as const, content: "hi" }],
  ...more,
});

/** What one request asks for in its own seed: which of the answers it is. */
const seedOf = (stream: ScriptedStream): unknown => stream.body["seed"];

/** Says which answer it is. */
const numbered = (s: ScriptedStream): void => s.answer("answer ", String(seedOf(s)));

/** A machine with this many places for the model. */
const places = (most: number) => ({
  slots: [{ model: "m", state: "running" as const, running: 0, queued: 0, max_concurrency: most }],
});

async function chunksOf(request: object): Promise<OpenAI.ChatCompletionChunk[]> {
  const chunks: OpenAI.ChatCompletionChunk[] = [];
  for await (const chunk of await client.chat.completions.create({ ...ask(request), stream: true })) chunks.push(chunk);
  return chunks;
}

/** What each answer came to. */
function textsOf(chunks: readonly OpenAI.ChatCompletionChunk[]): readonly string[] {
  const texts: string[] = [];
  for (const { choices } of chunks)
    for (const { index, delta } of choices) texts[index] = (texts[index] ?? "") + (delta.content ?? "");
  return texts;
}

describe("n answers to a chat", () => {
  it("come whole, in their order, under one id, and the prompt counts once", async () => {
    const provider = await hearth.provider(numbered);
    const completion = await client.chat.completions.create(ask({ seed: 7 }));
    expect(completion.choices.map(({ index, message }) => [index, message.content])).toEqual([
      [0, "answer 7"],
      [1, "answer 8"],
      [2, "answer 9"],
    ]);
    expect(completion.usage).toEqual({ prompt_tokens: 3, completion_tokens: 6, total_tokens: 9 });
    expect(provider.streams.map(({ body }) => body["n"])).toEqual([undefined, undefined, undefined]);
    expect(await hearth.metric('hearth_requests_total{result="success"}')).toBe(1);
    expect(await hearth.metric('hearth_tokens_total{kind="prompt"}')).toBe(3);
    expect(await hearth.metric('hearth_tokens_total{kind="completion"}')).toBe(6);
  });

  it("stream beside each other, each with its role first and its end last, under one id", async () => {
    await hearth.provider(numbered);
    const chunks = await chunksOf({ seed: 7, stream_options: { include_usage: true } });
    expect(textsOf(chunks)).toEqual(["answer 7", "answer 8", "answer 9"]);
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    for (const index of [0, 1, 2]) {
      const mine = chunks.flatMap(({ choices }) => choices.filter((choice) => choice.index === index));
      expect(mine.map(({ delta }) => delta.role).filter((role) => role !== undefined)).toEqual(["assistant"]);
      expect(mine.map(({ finish_reason }) => finish_reason).filter(Boolean)).toEqual(["stop"]);
      expect(mine.at(-1)?.finish_reason).toBe("stop");
    }
    expect(chunks.filter(({ usage }) => usage)).toMatchObject([
      { choices: [], usage: { prompt_tokens: 3, completion_tokens: 6, total_tokens: 9 } },
    ]);
    expect(chunks.at(-1)?.usage).toBeDefined();
  });

  it("may be calls of tools, and the SDK's helper puts them together", async () => {
    await hearth.provider((s) => callTools(s, WEATHER));
    const tool = { type: "function" as const, function: { name: "weather", parameters: { type: "object" } } };
    const stream = client.chat.completions.stream({ ...ask({ tools: [tool] }) });
    const { choices } = await stream.finalChatCompletion();
    expect(choices).toHaveLength(3);
    for (const { finish_reason, message } of choices) {
      expect(finish_reason).toBe("tool_calls");
      expect(message.tool_calls?.map((call) => "function" in call && call.function.arguments)).toEqual(
        WEATHER.map(({ pieces }) => pieces.join("")),
      );
    }
  });

  it("run side by side where there are places", async () => {
    const running: ScriptedStream[] = [];
    await hearth.provider((s) => {
      running.push(s);
      if (running.length === 3) for (const each of running) each.answer("all");
    }, places(3));
    expect((await client.chat.completions.create(ask())).choices).toHaveLength(3);
  });

  it("run in turn where there is one", async () => {
    let running = 0;
    let most = 0;
    await hearth.provider(async (s) => {
      running += 1;
      most = Math.max(most, running);
      await s.takes(20);
      running -= 1;
      numbered(s);
    }, places(1));
    expect(textsOf(await chunksOf({ seed: 1 }))).toEqual(["answer 1", "answer 2", "answer 3"]);
    expect(most).toBe(1);
  });

  it("come in turn also where nobody may stand in the line, and where one takes longer than patience lasts", async () => {
    await hearth.stop();
    const clock = new FakeClock();
    const queue = { ...DEFAULT_SELECTION.queue, perModel: 0 };
    for (const settings of [{}, { selection: { ...DEFAULT_SELECTION, queue } }]) {
      useCoordinator(await startTestCoordinator({ clock, settings }));
      const provider = await hearth.provider((s) => s.content(`answer ${seedOf(s)}`), places(1));
      const response = await hearth.chat(ask({ seed: 0, stream: true }), { headers: { "X-Hearth-Timeout": "1" } });
      let text = "";
      const read = (async () => {
        const decoder = new TextDecoder();
        for await (const part of response.body ?? []) text += decoder.decode(part as Uint8Array, { stream: true });
      })();
      for (const turn of [0, 1, 2]) {
        await until("it is its turn", () => text.includes(`answer ${turn}`));
        clock.advance(1_500);
        provider.streams[turn]?.finish();
        provider.streams[turn]?.end();
      }
      await read;
      expect(text).not.toContain('"error"');
      if (settings.selection === undefined) await hearth.stop();
    }
  });

  it("run on whoever has places, also on several machines", async () => {
    const machines = await Promise.all([0, 1, 2].map(() => hearth.provider(numbered, places(1))));
    const answer = await hearth.chat(ask({ seed: 1 }));
    expect(answer.status).toBe(200);
    expect(answer.headers.get("x-attempts")).toBe("3");
    expect(machines.map(({ streams }) => streams.length)).toEqual([1, 1, 1]);
    expect(machines.map(({ id }) => id)).toContain(answer.headers.get("x-provider-id"));
    await answer.arrayBuffer();
  });

  it("are each tried elsewhere, unseen, where they fail before their own content", async () => {
    let failed = 0;
    const script = async (s: ScriptedStream): Promise<void> => {
      if (failed < 2 && seedOf(s) !== 1) {
        failed += 1;
        s.role();
        return s.error();
      }
      numbered(s);
    };
    const machines = [await hearth.provider(script), await hearth.provider(script)];
    expect(textsOf(await chunksOf({ seed: 1 }))).toEqual(["answer 1", "answer 2", "answer 3"]);
    expect(failed).toBe(2);
    expect(machines.flatMap(({ streams }) => streams)).toHaveLength(5);
  });

  it("end with one error in-band when one breaks, and the others are called off", async () => {
    const running: ScriptedStream[] = [];
    await hearth.provider((s) => {
      running.push(s);
      s.content("half");
      if (running.length % 3 === 0) s.error();
    });
    const response = await hearth.chat(ask({ stream: true }));
    const text = await response.text();
    expect(text.match(/"error"/g)).toHaveLength(1);
    expect(text.match(/\[DONE\]/g)).toHaveLength(1);
    expect(text).not.toContain('"finish_reason":"stop"');
    await Promise.all(running.slice(0, 2).map(({ cancelled }) => cancelled));
    expect(running.slice(0, 3).map(({ cancelReason }) => cancelReason)).toEqual([
      "superseded",
      "superseded",
      undefined,
    ]);
    await expect(chunksOf({})).rejects.toBeInstanceOf(APIError);
  });

  it("are one error with its status, wanted whole, where one cannot be had", async () => {
    await hearth.provider((s) => (seedOf(s) === 2 ? s.errorWithBody(400, { error: { message: "odd" } }) : numbered(s)));
    const refused = client.chat.completions.create(ask({ seed: 1 }));
    await expect(refused).rejects.toMatchObject({ status: 400, message: "400 odd" });
  });

  it("are all called off when their consumer goes, and leave nothing in the line", async () => {
    const provider = await hearth.provider((s) => s.content("and so on"), places(2));
    const controller = new AbortController();
    const response = await hearth.chat(ask({ n: 4, stream: true }), { signal: controller.signal });
    await response.body?.getReader().read();
    await until("the third waits", () => provider.streams.length === 2 && hearth.coordinator.queued() === 1);
    controller.abort();
    expect(await Promise.all(provider.streams.map(({ cancelled }) => cancelled))).toEqual([
      "consumer_gone",
      "consumer_gone",
    ]);
    await until("nobody waits", () => hearth.coordinator.queued() === 0);
    expect(provider.streams).toHaveLength(2);
  });

  it("are signed for one by one", async () => {
    const machines = [new AttestingMachine(), new AttestingMachine()];
    for (const machine of machines) await hearth.provider(numbered, { machine, ...places(1) });
    const response = await hearth.chat(ask({ n: 2, stream: true }));
    const id = response.headers.get("x-receipt-id") ?? "";
    const comments = (await response.text()).match(/^: hearth-receipt /gm);
    expect(comments).toHaveLength(2);
    const base = response.headers.get("x-request-id") ?? "";
    expect([base, `${base}-2`]).toContain(id);
    for (const each of [base, `${base}-2`]) {
      const answer = new Response(null, { headers: { "x-receipt-id": each } });
      expect(await hearth.receipt(answer)).toMatchObject({ receipt: { content: { request_id: each } } });
    }
  });

  it.each([0, 9, -1, 1.5])("are no more than eight, and not %d", async (n) => {
    await expect(client.chat.completions.create(ask({ n }))).rejects.toMatchObject({ status: 400, param: "n" });
    const completion = client.completions.create({ model: "m", prompt: "Once", n });
    await expect(completion).rejects.toMatchObject({ status: 400, param: "n" });
  });

  it("may be one, and then reach the provider as they are", async () => {
    const provider = await hearth.provider((s) => s.answer("one"));
    await client.chat.completions.create(ask({ n: 1, seed: 5 }));
    expect(provider.streams[0]?.body).toMatchObject({ n: 1, seed: 5 });
  });
});

describe("n legacy completions", () => {
  const asked = (more: object = {}) => ({ model: "m", prompt: "Once", n: 2, seed: 1, ...more });
  const native = { models: [{ id: "m", dialects: ["completions" as const, "chat_completions" as const] }] };
  const text = (s: ScriptedStream): void => {
    for (const [piece, reason] of [[" upon", null] as const, [` ${seedOf(s)}`, "stop"] as const]) {
      const choice = { index: 0, text: piece, logprobs: null, finish_reason: reason };
      s.event({ id: "cmpl-1", object: "text_completion", created: 1, model: "m", choices: [choice] });
    }
    s.end();
  };

  it.each([
    ["a chat", numbered, {}, "answer "],
    ["its own API", text, native, " upon "],
  ])("come from a backend that speaks %s", async (_what, script, options, begins) => {
    const provider = await hearth.provider(script, options);
    const whole = await client.completions.create(asked({ best_of: 2 }));
    expect(whole.choices.map(({ index, text: said, finish_reason }) => [index, said, finish_reason])).toEqual([
      [0, `${begins}1`, "stop"],
      [1, `${begins}2`, "stop"],
    ]);
    expect(whole.usage).toMatchObject({ prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 });
    const texts = ["", ""];
    const ids = new Set<string>();
    for await (const chunk of await client.completions.create({
      ...asked({ echo: begins === "answer " }),
      stream: true,
    })) {
      ids.add(chunk.id);
      for (const choice of chunk.choices) texts[choice.index] += choice.text;
    }
    const echo = begins === "answer " ? "Once" : "";
    expect(texts).toEqual([`${echo}${begins}1`, `${echo}${begins}2`]);
    expect(ids.size).toBe(1);
    for (const { body } of provider.streams) {
      expect(body).not.toHaveProperty("n");
      expect(body).not.toHaveProperty("best_of");
    }
  });

  it("are all given back, so that there cannot be a better one", async () => {
    const refused = client.completions.create(asked({ best_of: 3 }));
    await expect(refused).rejects.toMatchObject({ status: 400, param: "best_of" });
  });
});
