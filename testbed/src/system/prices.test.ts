import { createHash } from "node:crypto";
import Anthropic from "@anthropic-ai/sdk";
import { NO_SETTINGS, type Settings } from "@hearth/coordinator";
import OpenAI from "openai";
import { afterEach, describe, expect, it } from "vitest";
import { readStream, until } from "../scripted/answers.js";
import { AttestingMachine } from "../scripted/attesting-machine.js";
import type { Script, ScriptedProvider, ScriptedProviderOptions } from "../scripted/scripted-provider.js";
import { ADMIN_KEY, API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

// What answers say that they have cost, through a real coordinator and real sockets.

let hearth: TestCoordinator;
afterEach(() => hearth.stop());

const OWNER_TOKEN = "an-owners-token-0123456789";
const sha256 = createHash("sha256").update(OWNER_TOKEN).digest("hex");

/** Micro-USD a token, read and written. */
const each = (input: number, output: number, fromMs = 0) => {
  const [read, written] = [BigInt(input) * 1_000_000n, BigInt(output) * 1_000_000n];
  return { fromMs, input: read, output: written, cachedInput: read / 10n };
};
type Dated = ReturnType<typeof each>;

function priced(models: Readonly<Record<string, readonly Dated[]>>, more: Partial<Settings> = {}): Settings {
  const prices = { ...NO_SETTINGS.prices, models: new Map(Object.entries(models)) };
  return { ...NO_SETTINGS, providerTokens: [{ account: "owner", sha256 }], prices, ...more };
}
/** An answer of 3 tokens read and 2 written costs 7 micro-USD. */
const PRICED = priced({ m: [each(1, 2)] });
const UNPRICED: Settings = { ...PRICED, prices: NO_SETTINGS.prices };

/** A coordinator whose consumer can pay. */
async function startWithMoney(options: Parameters<typeof startTestCoordinator>[0]): Promise<TestCoordinator> {
  const started = await startTestCoordinator(options);
  await fetch(`${started.url}/admin/accounts/default/deposits`, {
    method: "POST",
    headers: { Authorization: `Bearer ${ADMIN_KEY}` },
    body: JSON.stringify({ amount_micro_usd: 1_000_000, reason: "test" }),
  });
  return started;
}

const good: Script = (stream) => stream.answer("good");

/** A machine of somebody else's. */
const foreign = (script: Script = good, more: Partial<ScriptedProviderOptions> = {}): Promise<ScriptedProvider> =>
  hearth.provider(script, { token: OWNER_TOKEN, ...more });

const ask = (more: object = {}): object => ({ model: "m", messages: [{ role: "user", content: "hi" }], ...more });
const STREAMED = { stream: true, stream_options: { include_usage: true } };

interface Told {
  readonly header: string | null;
  readonly inUsage: unknown;
}

async function costOf(more: object = {}): Promise<Told> {
  const response = await hearth.chat(ask(more));
  const { usage } = (await response.json()) as { readonly usage: { readonly cost?: unknown } };
  return { header: response.headers.get("x-hearth-cost"), inUsage: usage.cost };
}

const post = (path: string, body: object): Promise<Response> =>
  fetch(`${hearth.url}${path}`, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { Authorization: `Bearer ${API_KEY}`, "Content-Type": "application/json" },
  });

const openAi = (): OpenAI => new OpenAI({ apiKey: API_KEY, baseURL: `${hearth.url}/v1`, maxRetries: 0 });
const costIn = (usage: unknown): unknown => (usage as { readonly cost?: unknown } | null | undefined)?.cost;

/** Of a stream, what its comment says. */
function commentOf(text: string): unknown {
  const [, json] = /\n: hearth-cost (\{.*\})\n\n$/.exec(text) ?? [];
  return json === undefined ? undefined : (JSON.parse(json) as unknown);
}

describe("an answer that costs something", () => {
  it("says so in its usage and in a header", async () => {
    hearth = await startWithMoney({ settings: PRICED });
    await foreign();
    expect(await costOf()).toEqual({ header: "0.000007", inUsage: 0.000_007 });
  });

  it("says so in the last chunk of a stream and behind it, and is in every other byte what it was", async () => {
    hearth = await startWithMoney({ settings: PRICED });
    await foreign();
    const response = await hearth.chat(ask(STREAMED));
    const { text } = await readStream(response);
    expect(text.match(/"cost":/g)).toHaveLength(1);
    expect(text).toContain('"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,"cost":0.000007}');
    expect(commentOf(text)).toEqual({ request_id: response.headers.get("x-request-id"), cost_micro_usd: 7 });
    hearth.coordinator.configure(UNPRICED);
    const before = await readStream(await hearth.chat(ask(STREAMED)));
    expect(before.text).not.toContain("cost");
    const withoutIds = (stream: string): string => stream.replace(/"id":"chatcmpl-[^"]+"/g, '"id":"…"');
    const bare = text.replace(',"cost":0.000007', "").replace(/: hearth-cost .*\n\n/, "");
    expect(withoutIds(bare)).toBe(withoutIds(before.text));
  });

  it("says so behind a stream that shows no usage", async () => {
    hearth = await startWithMoney({ settings: PRICED });
    await foreign();
    const { text } = await readStream(await hearth.chat(ask({ stream: true })));
    expect(text).not.toContain('"cost":');
    expect(commentOf(text)).toMatchObject({ cost_micro_usd: 7 });
  });

  it("is read by OpenAI's SDK like any other: chat, completions, responses, each whole and streamed", async () => {
    hearth = await startWithMoney({ settings: PRICED });
    await foreign();
    const { chat, completions, responses } = openAi();
    const told: unknown[] = [];
    const messages = [{ role: "user" as const, content: "hi" }];
    told.push(costIn((await chat.completions.create({ model: "m", messages })).usage));
    for await (const { usage } of await chat.completions.create({
      model: "m",
      messages,
      stream: true,
      stream_options: { include_usage: true },
    })) {
      if (usage) told.push(costIn(usage));
    }
    told.push(costIn((await completions.create({ model: "m", prompt: "hi" })).usage));
    for await (const { usage } of await completions.create({
      model: "m",
      prompt: "hi",
      stream: true,
      stream_options: { include_usage: true },
    })) {
      if (usage) told.push(costIn(usage));
    }
    told.push(costIn((await responses.create({ model: "m", input: "hi" })).usage));
    for await (const event of await responses.create({ model: "m", input: "hi", stream: true })) {
      if (event.type === "response.completed") told.push(costIn(event.response.usage));
    }
    expect(told).toEqual(Array(6).fill(0.000_007));
  });

  it("says so beside Anthropic's messages, whose usage it leaves alone", async () => {
    hearth = await startWithMoney({ settings: PRICED });
    await foreign();
    const { messages } = new Anthropic({ apiKey: API_KEY, baseURL: hearth.url, maxRetries: 0 });
    const params = { model: "m", max_tokens: 64, messages: [{ role: "user" as const, content: "hi" }] };
    const { data, response } = await messages.create(params).withResponse();
    expect(response.headers.get("x-hearth-cost")).toBe("0.000007");
    expect(data.usage).not.toHaveProperty("cost");
    const streamed = await messages.stream(params).finalMessage();
    expect(streamed.usage).not.toHaveProperty("cost");
    const { text } = await readStream(await post("/v1/messages", { ...params, stream: true }));
    expect(text).not.toContain('"cost":');
    expect(commentOf(text)).toMatchObject({ cost_micro_usd: 7 });
  });

  it("says so beside its receipt, of several answers each its share", async () => {
    hearth = await startWithMoney({ settings: PRICED });
    await foreign(good, { machine: new AttestingMachine() });
    const one = await hearth.chat(ask());
    await one.json();
    expect(await hearth.receipt(one)).toMatchObject({ counted: null, cost_micro_usd: 7 });
    const several = await hearth.chat(ask({ n: 2 }));
    expect(await several.json()).toMatchObject({ usage: { cost: 0.000_011 } });
    expect(await hearth.receipt(several)).toMatchObject({ cost_micro_usd: 7 });
    const second = { "x-receipt-id": `${several.headers.get("x-receipt-id")}-2` };
    expect(await hearth.receipt(new Response(null, { headers: second }))).toMatchObject({ cost_micro_usd: 4 });
    hearth.coordinator.configure(UNPRICED);
    const free = await hearth.chat(ask());
    await free.json();
    expect(await hearth.receipt(free)).not.toHaveProperty("cost_micro_usd");
  });

  it("says of several answers what all of them cost, the prompt once", async () => {
    hearth = await startWithMoney({ settings: PRICED });
    await foreign();
    expect(await costOf({ n: 3 })).toEqual({ header: "0.000015", inUsage: 0.000_015 });
  });

  it("costs less where the prompt was cached, and the least that it may be where it was only estimated", async () => {
    hearth = await startWithMoney({ settings: PRICED });
    const usages = [
      { prompt_tokens: 30, completion_tokens: 2, cached_tokens: 20 },
      { prompt_tokens: 30, completion_tokens: 2, estimated: true as const },
    ];
    await foreign((stream) => {
      stream.role();
      stream.content("good");
      stream.finish();
      stream.raw("data: [DONE]\n\n", true);
      stream.complete(usages.shift());
    });
    expect((await costOf()).inUsage).toBe(0.000_016);
    expect((await costOf()).inUsage).toBe(0.000_017);
  });
});

describe("what an answer costs", () => {
  it("is what the build costs that has given it, whatever the other build of its alias does", async () => {
    const aliases = new Map([["al", { desired: "dear", previous: "cheap" }]]);
    const catalog = { ...NO_SETTINGS.catalog, aliases };
    hearth = await startWithMoney({
      settings: priced({ dear: [each(100, 200)], cheap: [each(1, 2)] }, { catalog }),
    });
    const cheap = await foreign(good, { models: [{ id: "cheap" }] });
    expect((await costOf({ model: "al" })).inUsage).toBe(0.000_007);
    const dear = await foreign(good, { models: [{ id: "dear" }] });
    expect((await costOf({ model: "al" })).inUsage).toBe(0.000_7);
    expect([cheap.streams.length, dear.streams.length]).toEqual([1, 1]);
    const { data } = (await (await hearth.get("/v1/models")).json()) as {
      readonly data: readonly { readonly id: string; readonly pricing?: { readonly prompt: string } }[];
    };
    expect(data.map(({ id, pricing }) => [id, pricing?.prompt])).toEqual([
      ["al", "0.0001"],
      ["cheap", "0.000001"],
      ["dear", "0.0001"],
    ]);
  });

  it("is nothing on a machine of the caller's own, and says so", async () => {
    hearth = await startWithMoney({ settings: PRICED });
    await hearth.provider(good);
    expect(await costOf()).toEqual({ header: "0", inUsage: 0 });
  });

  it("is nothing for a model without a price among others that have one, and is not told where none has", async () => {
    hearth = await startWithMoney({ settings: priced({ other: [each(1, 2)] }) });
    await foreign();
    expect(await costOf()).toEqual({ header: "0", inUsage: 0 });
    hearth.coordinator.configure(UNPRICED);
    expect(await costOf()).toEqual({ header: null, inUsage: undefined });
  });

  it("is told in place of what a backend says of prices of its own", async () => {
    hearth = await startWithMoney({ settings: PRICED });
    const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5, cost: 42 };
    await foreign((stream) => {
      stream.role();
      stream.content("good");
      stream.finish();
      stream.event({
        ...{ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1 },
        model: "m",
        choices: [],
        usage,
      });
      stream.raw("data: [DONE]\n\n", true);
      stream.complete();
    });
    expect((await costOf()).inUsage).toBe(0.000_007);
    const { text } = await readStream(await hearth.chat(ask(STREAMED)));
    expect(text.match(/"cost":[^,}]*/g)).toEqual(['"cost":0.000007']);
  });

  it("changes with the file from the next request on, and for none that is here already", async () => {
    hearth = await startWithMoney({ settings: PRICED });
    let goOn: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    let first = true;
    const provider = await foreign(async (stream) => {
      if (first) {
        first = false;
        await held;
      }
      stream.answer("good");
    });
    const running = costOf();
    await until("the first is there", () => provider.streams.length === 1);
    hearth.coordinator.configure(priced({ m: [each(10, 20)] }));
    expect((await costOf()).inUsage).toBe(0.000_07);
    goOn();
    expect((await running).inUsage).toBe(0.000_007);
  });

  it("is what it is from the day on that a price begins", async () => {
    const [yesterday, tomorrow] = [Date.now() - 86_400_000, Date.now() + 86_400_000];
    hearth = await startWithMoney({
      settings: priced({ m: [each(1, 2), each(5, 5, yesterday), each(9, 9, tomorrow)] }),
    });
    await foreign();
    expect((await costOf()).inUsage).toBe(0.000_025);
  });

  it("is of an answer that failed on its way what of it was delivered, and nothing for its prompt", async () => {
    hearth = await startWithMoney({ settings: PRICED });
    await foreign((stream) => {
      stream.role();
      stream.content("good");
      stream.error();
    });
    const { text, errors } = await readStream(await hearth.chat(ask(STREAMED)));
    expect(errors).toHaveLength(1);
    expect(commentOf(text)).toMatchObject({ cost_micro_usd: 2 });
  });
});
