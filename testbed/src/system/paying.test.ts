import { DEFAULT_POLICY } from "@hearth/coordinator";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openMemoryStore } from "../../../coordinator/src/store/sqlite/open-sqlite-store.js";
import { readStream } from "../scripted/answers.js";
import type { Script, ScriptedProvider } from "../scripted/scripted-provider.js";
import type { ScriptedStream } from "../scripted/scripted-stream.js";
import { ADMIN_KEY, API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { eventually } from "./eventually.js";
import { deposit, OWNER_KEY, OWNER_TOKEN, paidSettings } from "./paid-requests.js";

// What requests cost their accounts and bring those of the machines, through a real coordinator, its store and sockets.

/** Of what machines earn the platform keeps a tenth. */
const SETTINGS = paidSettings(1_000);

let store: ReturnType<typeof openMemoryStore>;
let hearth: TestCoordinator;
beforeEach(async () => {
  store = openMemoryStore();
  hearth = await startTestCoordinator({ store, settings: SETTINGS });
});
afterEach(() => hearth[Symbol.asyncDispose]());

const foreign = (script: Script): Promise<ScriptedProvider> => hearth.provider(script, { token: OWNER_TOKEN });
const QUESTION = { model: "m", messages: [{ role: "user", content: "hi" }], max_tokens: 20 };
const STREAMED = { ...QUESTION, stream: true };

async function give(amount: number): Promise<void> {
  expect(await deposit(hearth, amount)).toBe(201);
}

const asked = async (path: string, key?: string) =>
  (await (await hearth.get(path, key)).json()) as Record<string, unknown> & {
    readonly data: readonly Record<string, unknown>[];
  };
const available = async (key = API_KEY) => (await asked("/v1/me/balance", key))["available_micro_usd"];
const reserved = async () =>
  ((await asked("/v1/me/balance"))["credit"] as Record<string, unknown>)["reserved_micro_usd"];
const audited = async () => (await asked("/admin/ledger/audit", ADMIN_KEY))["mismatches"];

/** Writes so many tokens, one a piece. */
function write(stream: ScriptedStream, tokens: number): void {
  for (let n = 0; n < tokens; n++) stream.content(`${n} `);
}

describe("a request that has to be paid for", () => {
  it("is refused before anybody is asked where there is no money for it", async () => {
    const provider = await foreign((s) => s.answer("never"));
    const response = await hearth.chat(QUESTION);
    expect(response.status).toBe(402);
    expect(await response.json()).toMatchObject({ error: { code: "insufficient_quota" } });
    expect(provider.streams).toHaveLength(0);
  });

  it("counts against the key's limit also where there is no money for it", async () => {
    await foreign((s) => s.answer("never"));
    const order = await fetch(`${hearth.url}/v1/me/keys`, {
      method: "POST",
      headers: { Authorization: `Bearer ${API_KEY}` },
      body: JSON.stringify({ limits: { requests_per_minute: 2, tokens_per_minute: 30 } }),
    });
    const { key } = (await order.json()) as { readonly key: string };
    const statuses: number[] = [];
    for (let n = 0; n < 3; n++) {
      const answer = await hearth.chat(QUESTION, { headers: { Authorization: `Bearer ${key}` } });
      statuses.push(answer.status);
      await answer.text();
    }
    // It has taken no tokens: else the second one had been over that limit.
    expect(statuses).toEqual([402, 402, 429]);
  });

  it.each([
    ["whole", QUESTION],
    ["streamed", STREAMED],
  ])("moves what it costs to the owner when it is %s", async (_form, body) => {
    const provider = await foreign((s) => s.answer("good"));
    await give(1_000);
    const answer = await hearth.chat(body);
    await answer.text();
    expect([await available(), await reserved()]).toEqual([993, 0]);
    // Of 7 a tenth is less than 1: the platform's share is rounded down.
    expect(await available(OWNER_KEY)).toBe(7);
    const { data } = await asked("/v1/me/earnings?group_by=machine,model", OWNER_KEY);
    expect(data).toMatchObject([
      { machine: provider.id, model: "m", gross_micro_usd: 7, net_micro_usd: 7, requests: 1, prompt_tokens: 3 },
    ]);
    const statement = await asked("/v1/me/statement");
    const request = answer.headers.get("x-request-id");
    expect(statement.data.at(-1)).toMatchObject({ kind: "charge", part: "credit", amount_micro_usd: -7, request });
    expect(await audited()).toEqual([]);
  });

  it("pays for all inputs of a batch, not for the longest alone", async () => {
    const data = Array.from({ length: 20 }, (_, index) => ({ object: "embedding", index, embedding: [0.5] }));
    const usage = { prompt_tokens: 400, total_tokens: 400 };
    const script: Script = (s) => {
      s.raw(JSON.stringify({ object: "list", model: "m", data, usage }), true);
      s.complete({ prompt_tokens: 400, completion_tokens: 0 });
    };
    await hearth.provider(script, {
      token: OWNER_TOKEN,
      models: [{ id: "m", context_length: 8_192, capabilities: { embeddings: true } }],
    });
    await give(5_000);
    const input = Array.from(
      { length: 20 },
      () => "some twenty tokens of text, more or less, in each of all these inputs here",
    );
    const answer = await fetch(`${hearth.url}/v1/embeddings`, {
      method: "POST",
      headers: { Authorization: `Bearer ${API_KEY}` },
      body: JSON.stringify({ model: "m", input, encoding_format: "float" }),
    });
    expect([answer.status, answer.headers.get("x-hearth-cost")]).toEqual([200, "0.0004"]);
    await answer.text();
    expect([await available(), await reserved(), await available(OWNER_KEY)]).toEqual([4_600, 0, 360]);
  });

  it("is told to the machine that did the work, with its heartbeats", async () => {
    const answer: Script = (s) => s.answer("good");
    const identity = Buffer.alloc(32, 9).toString("base64url");
    // It has worked before, for its owner; whoever was it then does not matter.
    const before = await hearth.provider(answer, { identity });
    before.terminate();
    await give(1_000);
    const nowMs = Date.now();
    const order = { id: "req_1", requestId: "req_1", account: "default", payer: "default", node: "n", max: 50n };
    await store.ledger.reserve({ ...order, feeBasisPoints: 1_000, nowMs, expiresAtMs: nowMs + 60_000 });
    const worker = { account: "owner", machine: before.id, model: "m", attemptId: "att_1" };
    const work = { ...worker, payer: "consumer", gross: 50n, promptTokens: 3, completionTokens: 2 } as const;
    expect(await store.ledger.post({ id: "req_1", parts: [work], nowMs })).toMatchObject({ type: "posted" });
    const now = await hearth.provider(answer, { identity, token: OWNER_TOKEN });
    expect(now.id).toBe(before.id);
    let told: unknown;
    await eventually("it is told", async () => {
      told ??= (await now.beat()).earnings;
      return told !== undefined;
    });
    expect(told).toMatchObject({ today_micro_usd: 45, week_micro_usd: 45, total_micro_usd: 45 });
  });

  it("costs nothing when nobody could serve it", async () => {
    await foreign((s) => s.error({ code: "backend_error" }));
    await give(1_000);
    expect((await hearth.chat(QUESTION)).status).toBe(502);
    expect([await available(), await reserved()]).toEqual([1_000, 0]);
    expect((await hearth.chat({ ...QUESTION, model: "nobodys" })).status).toBe(404);
    expect(await reserved()).toBe(0);
  });

  it("costs nothing for a whole answer that its consumer did not wait for", async () => {
    const provider = await foreign((s) => {
      s.role();
      s.content("half");
    });
    await give(1_000);
    const gone = new AbortController();
    const answer = hearth.chat(QUESTION, { signal: gone.signal }).catch(() => undefined);
    await eventually("the machine is asked", () => provider.streams.length === 1);
    gone.abort();
    await answer;
    await eventually("all of it is back", async () => (await reserved()) === 0 && (await available()) === 1_000);
  });

  it("costs what was delivered of a stream that broke, and of one that its consumer left", async () => {
    let breaks = true;
    await foreign((s) => {
      s.role();
      write(s, 5);
      if (breaks) s.error({ code: "backend_error" });
    });
    await give(1_000);
    await readStream(await hearth.chat(STREAMED));
    await eventually("five tokens are paid", async () => (await reserved()) === 0 && (await available()) === 990);
    breaks = false;
    const gone = new AbortController();
    const answer = await hearth.chat(STREAMED, { signal: gone.signal });
    const reader = answer.body?.getReader();
    await reader?.read();
    await new Promise((resolve) => setImmediate(resolve));
    gone.abort();
    await eventually("nothing is reserved", async () => (await reserved()) === 0);
    const left = Number(await available());
    expect(left).toBeGreaterThanOrEqual(980);
    expect(left).toBeLessThan(990);
    expect(await audited()).toEqual([]);
  });

  it.each([
    ["whole", QUESTION],
    ["streamed", STREAMED],
  ])("brings its machine no more than it costs, whatever that claims to have done, %s", async (_form, body) => {
    await foreign((s) => {
      s.role();
      s.content("good");
      s.finish();
      s.end({ prompt_tokens: 1_000_000, completion_tokens: 1_000_000 });
    });
    await give(10_000);
    await (await hearth.chat({ ...body, max_tokens: 1 })).text();
    const paid = 10_000 - Number(await available());
    expect(paid).toBeGreaterThan(0);
    expect(paid).toBeLessThan(100);
    const { data } = await asked("/v1/me/earnings?group_by=machine", OWNER_KEY);
    expect(data).toMatchObject([{ gross_micro_usd: paid, requests: 1 }]);
    expect(await audited()).toEqual([]);
  });

  it("is free on a machine of the caller's own, with no money at all", async () => {
    await hearth.provider((s) => s.answer("mine"));
    const own = await hearth.chat(QUESTION, { headers: { "X-Hearth-Route": "self" } });
    expect(own.status).toBe(200);
    expect(own.headers.get("x-hearth-cost")).toBe("0");
  });

  it("may be paid with what was earned", async () => {
    await foreign((s) => s.answer("good"));
    await give(1_000);
    for (let n = 0; n < 20; n++) await (await hearth.chat(QUESTION)).text();
    expect(await available(OWNER_KEY)).toBe(140);
    const other = await hearth.provider((s) => s.answer("by the other"));
    const answer = await fetch(`${hearth.url}/v1/chat/completions`, {
      method: "POST",
      headers: { Authorization: `Bearer ${OWNER_KEY}`, "X-Hearth-Providers": other.id },
      body: JSON.stringify({ ...QUESTION, max_tokens: 5 }),
    });
    expect([answer.status, answer.headers.get("x-provider-id")]).toEqual([200, other.id]);
    await answer.text();
    expect(await available(OWNER_KEY)).toBe(133);
    const { data } = await asked("/v1/me/statement", OWNER_KEY);
    expect(data.at(-1)).toMatchObject({ kind: "charge", part: "earned", amount_micro_usd: -7 });
    expect(await audited()).toEqual([]);
  });

  it.each([
    ["whole", QUESTION],
    ["streamed", STREAMED],
  ])("is not paid again when it comes again under its key, %s", async (_form, body) => {
    const provider = await foreign((s) => s.answer("good"));
    await give(1_000);
    const headers = { "Idempotency-Key": "once" };
    const first = await hearth.chat(body, { headers });
    const told = await first.text();
    const again = await hearth.chat(body, { headers });
    expect([await again.text(), again.headers.get("idempotent-replayed")]).toEqual([told, "true"]);
    expect(again.headers.get("x-hearth-cost")).toBe(first.headers.get("x-hearth-cost"));
    expect(provider.streams).toHaveLength(1);
    expect([await available(), await reserved(), await available(OWNER_KEY)]).toEqual([993, 0, 7]);
    expect((await asked("/v1/me/statement")).data.map(({ kind }) => kind)).toEqual(["deposit", "charge"]);
  });
});

describe("a race", () => {
  const HASTY = { ...DEFAULT_POLICY, ttftBaseMs: 200, ttftPerThousandTokensMs: 1, signExtensionMs: 50 };
  let loser: ScriptedStream | undefined;
  beforeEach(async () => {
    await hearth[Symbol.asyncDispose]();
    store = openMemoryStore();
    hearth = await startTestCoordinator({ store, settings: SETTINGS, policy: HASTY });
    loser = undefined;
  });

  /** The first that is asked says nothing until it is called off; then it tells what it has spent. */
  async function raced(): Promise<Response> {
    const script: Script = (s) => {
      if (loser !== undefined) return s.answer("good");
      loser = s;
      s.role();
      void s.cancelled.then(() => s.error({ code: "cancelled", usage: { prompt_tokens: 3, completion_tokens: 4 } }));
    };
    await foreign(script);
    await foreign(script);
    await give(1_000);
    return hearth.chat(STREAMED);
  }

  it("costs its consumer the winner, and the platform what the loser has done", async () => {
    const got = await readStream(await raced());
    expect(got).toMatchObject({ content: "good", errors: [] });
    expect(await loser?.cancelled).toBe("lost_race");
    expect([await available(), await reserved()]).toEqual([993, 0]);
    // 7 for the winner; 11 for the loser, less the platform's tenth.
    await eventually("both are paid", async () => (await available(OWNER_KEY)) === 17);
    const { data } = await asked("/v1/me/earnings?group_by=machine", OWNER_KEY);
    expect(data.map(({ gross_micro_usd }) => gross_micro_usd).sort()).toEqual([11, 7]);
    const first = await asked("/v1/me/earnings?group_by=machine&limit=1", OWNER_KEY);
    expect([first.data.length, first["has_more"]]).toEqual([1, true]);
    expect((await asked("/v1/me/earnings?group_by=machine&limit=2", OWNER_KEY))["has_more"]).toBe(false);
    expect(await audited()).toEqual([]);
  });
});

describe("a long stream", () => {
  /** Writes in portions, each when the one before is paid for. */
  const long =
    (portions: number): Script =>
    (s) => {
      s.role();
      let left = portions;
      const timer = setInterval(() => {
        if (s.cancelReason !== undefined || left === 0) {
          clearInterval(timer);
          if (s.cancelReason === undefined) {
            s.finish();
            s.end({ prompt_tokens: 3, completion_tokens: portions * 20 });
          }
          return;
        }
        left -= 1;
        write(s, 20);
      }, 150);
      timer.unref();
    };
  const unbounded = { model: QUESTION.model, messages: QUESTION.messages, stream: true };

  it("is paid as it goes", async () => {
    await foreign(long(10));
    await give(10_000);
    const { errors } = await readStream(await hearth.chat(unbounded));
    expect(errors).toEqual([]);
    expect([await available(), await reserved()]).toEqual([10_000 - 3 - 400, 0]);
  });

  it("ends with insufficient_quota where the money does not reach, and costs no more than there was", async () => {
    await foreign(long(20));
    await give(130);
    const { errors } = await readStream(await hearth.chat(unbounded));
    expect(errors).toMatchObject([{ code: "insufficient_quota" }]);
    await eventually("nothing is reserved", async () => (await reserved()) === 0);
    const left = Number(await available());
    expect(left).toBeGreaterThanOrEqual(0);
    expect(left).toBeLessThan(50);
    expect(await audited()).toEqual([]);
  });
});
