import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openMemoryStore } from "../../../coordinator/src/store/sqlite/open-sqlite-store.js";
import { readStream } from "../scripted/answers.js";
import { ADMIN_KEY, API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

// What requests used, as the account and the operator see it over HTTP.

let hearth: TestCoordinator;

beforeEach(async () => {
  hearth = await startTestCoordinator({ store: openMemoryStore() });
});
afterEach(() => hearth[Symbol.asyncDispose]());

const QUESTION = { model: "m", messages: [{ role: "user", content: "a secret question" }] };

interface List {
  readonly data: readonly Record<string, unknown>[];
  readonly last_id: string | null;
  readonly has_more: boolean;
}
const listed = async (path: string, key?: string): Promise<List> =>
  (await (await hearth.get(path, key)).json()) as List;

const answering = () =>
  hearth.provider((s) => {
    s.role();
    s.content("a secret answer");
    s.finish();
    s.end();
  });

describe("usage", () => {
  it("of a request is found as soon as its answer is over", async () => {
    const provider = await answering();
    const answer = await hearth.chat(QUESTION);
    await answer.json();
    const { data, has_more } = await listed("/v1/me/usage");
    expect(has_more).toBe(false);
    expect(data).toMatchObject([
      {
        id: answer.headers.get("x-request-id"),
        account: "default",
        model: "m",
        served_model: "m",
        provider: provider.id,
        outcome: "success",
        requests: 1,
        dialect: "chat_completions",
        endpoint: "/v1/chat/completions",
        end_user: null,
        tags: {},
        prompt_tokens: expect.any(Number),
        completion_tokens: expect.any(Number),
        cost_micro_usd: 0,
        first_content_ms: expect.any(Number),
        details: { stream: false, shape: "base", messages: 1, attempts: [{ provider: provider.id, end: "completed" }] },
      },
    ]);
    expect(JSON.stringify(data)).not.toContain("secret");
  });

  it("tells of attempts that failed, and of a request that did", async () => {
    await hearth.provider((s) => s.errorWithBody(500, { error: "broken" }));
    expect((await hearth.chat(QUESTION)).status).toBe(502);
    const { data } = await listed("/v1/me/usage");
    expect(data).toMatchObject([
      {
        outcome: "failure",
        served_model: null,
        provider: null,
        first_content_ms: null,
        completion_tokens: 0,
        details: { code: "provider_error", attempts: [{ end: "failed", code: "backend_error", status: 502 }] },
      },
    ]);
  });

  it("says how a stream came", async () => {
    await hearth.provider((s) => {
      s.role();
      for (const word of ["a", " secret", " answer"]) s.content(word);
      s.finish();
      s.end();
    });
    await readStream(await hearth.chat({ ...QUESTION, stream: true }));
    const [record = {}] = (await listed("/v1/me/usage")).data;
    const { stream, chunks } = record["details"] as { stream: boolean; chunks: Record<string, number> };
    expect([stream, Object.keys(chunks)]).toEqual([true, ["count", "ms", "p50_gap_ms", "max_gap_ms"]]);
    expect(chunks["count"]).toBeGreaterThanOrEqual(3);
    expect(chunks["max_gap_ms"]).toBeLessThanOrEqual(Number(record["duration_ms"]));
  });

  describe("of what was refused", () => {
    const refuse = async (body: object, headers: Record<string, string> = {}): Promise<unknown> => {
      const answer = await hearth.chat(body, { headers });
      const { error } = (await answer.json()) as { error: { code: string } };
      return error.code;
    };
    const codes = async () =>
      (await listed("/v1/me/usage")).data.map((each) => [
        (each["details"] as { code: string }).code,
        each["outcome"],
        each["model"],
      ]);

    it("has its reason, when somebody who is known has asked, and is no request in the totals", async () => {
      await answering();
      expect(await refuse({ ...QUESTION, model: "nobody's", user: "ann" })).toBe("model_not_found");
      expect(await refuse({ ...QUESTION, messages: 5 })).toBeNull();
      expect(await refuse(QUESTION, { "X-Hearth-Route": "odd" })).toBeNull();
      expect(await refuse(QUESTION, { Authorization: "Bearer nobody's" })).toBe("invalid_api_key");
      await (await hearth.chat(QUESTION)).json();
      expect(await codes()).toEqual([
        [undefined, "success", "m"],
        ["invalid_request", "refused", ""],
        ["model_not_found", "refused", "nobody's"],
      ]);
      const { data } = await listed("/v1/me/usage/totals");
      expect(data.map(({ requests, refused, failed }) => [requests, refused, failed])).toEqual([[1, 2, 0]]);
      expect((await listed("/v1/me/usage?end_user=ann")).data).toMatchObject([{ dialect: "chat_completions" }]);
    });

    it("is a handful of rows however often it was, and no less is counted when the coordinator stops", async () => {
      const store = openMemoryStore();
      type Rows = Parameters<typeof store.usage.put>[0];
      const put: Rows[number][] = [];
      const usage = { ...store.usage, put: async (rows: Rows) => void put.push(...rows) };
      await using other = await startTestCoordinator({ store: { ...store, usage } });
      const ask = async (): Promise<void> => void (await (await other.chat({ ...QUESTION, model: "none" })).json());
      for (let n = 0; n < 5; n++) await Promise.all(Array.from({ length: 20 }, ask));
      await other.stop();
      expect(put.map(({ outcome, requests }) => [outcome, requests])).toEqual([
        ["refused", 1],
        ["refused", 99],
      ]);
    });
  });

  it("is listed page by page, and as CSV", async () => {
    await answering();
    for (let n = 0; n < 3; n++) await (await hearth.chat(QUESTION)).json();
    const first = await listed("/v1/me/usage?limit=2");
    expect([first.data.length, first.has_more]).toEqual([2, true]);
    const second = await listed(`/v1/me/usage?limit=2&after=${first.last_id}`);
    expect([second.data.length, second.has_more]).toEqual([1, false]);
    const csv = await hearth.get("/v1/me/usage?format=csv");
    expect(csv.headers.get("content-type")).toContain("text/csv");
    const lines = (await csv.text()).trimEnd().split("\r\n");
    expect(lines).toHaveLength(4);
    expect(lines[0]).toMatch(/^id,object,created_at,account/);
  });

  it("adds up by what it is asked to", async () => {
    await answering();
    await readStream(await hearth.chat({ ...QUESTION, stream: true }));
    await (await hearth.chat(QUESTION)).json();
    const { data } = await listed("/v1/me/usage/totals?bucket_width=1h&group_by=model");
    expect(data).toMatchObject([{ object: "usage.bucket", model: "m", requests: 2, failed: 0 }]);
    expect(Number(data[0]?.["end_time"]) - Number(data[0]?.["start_time"])).toBe(3_600);
    expect(await listed("/admin/usage/totals?group_by=account", ADMIN_KEY)).toMatchObject({
      data: [{ account: "default", requests: 2 }],
    });
  });

  it("is told apart by the account's own users, in every dialect, without their names", async () => {
    await answering();
    const post = async (path: string, body: object): Promise<void> => {
      const answer = await fetch(hearth.url + path, {
        method: "POST",
        headers: { Authorization: `Bearer ${API_KEY}` },
        body: JSON.stringify({ model: "m", ...body }),
      });
      expect([path, answer.status]).toEqual([path, 200]);
      await answer.text();
    };
    const { messages } = QUESTION;
    await post("/v1/chat/completions", { messages, user: "old@example.com", safety_identifier: "ann@example.com" });
    await post("/v1/completions", { prompt: "a secret", user: "ann@example.com" });
    await post("/v1/responses", { input: "a secret", safety_identifier: "ann@example.com" });
    await post("/v1/messages", { messages, max_tokens: 5, metadata: { user_id: "ann@example.com" } });
    await post("/v1/chat/completions", { messages, user: "ben@example.com", metadata: { user_id: "none of ours" } });
    const { data } = await listed("/v1/me/usage");
    expect(JSON.stringify(data)).not.toContain("example.com");
    expect(
      data.map((each) => [each["endpoint"], each["dialect"], (each["details"] as { messages: number }).messages]),
    ).toEqual([
      ["/v1/chat/completions", "chat_completions", 1],
      ["/v1/messages", "messages", 1],
      ["/v1/responses", "responses", 1],
      ["/v1/completions", "completions", 1],
      ["/v1/chat/completions", "chat_completions", 1],
    ]);
    const [bens, ...anns] = data.map((each) => String(each["end_user"]));
    expect(new Set(anns).size).toBe(1);
    const countOf = async (query: string, key?: string, who = "/v1/me") =>
      (await listed(`${who}/usage?${query}`, key)).data.length;
    expect(await countOf("end_user=ann@example.com")).toBe(4);
    expect(await countOf(`end_user=${bens}`)).toBe(1);
    expect(await countOf("end_user=ann@example.com&dialect=messages")).toBe(1);
    expect(await countOf("endpoint=/v1/chat/completions")).toBe(2);
    expect(await countOf(`end_user=${bens}`, ADMIN_KEY, "/admin")).toBe(1);
    expect(await countOf("end_user=ann@example.com&account=default", ADMIN_KEY, "/admin")).toBe(4);
    const nameless = await hearth.get("/admin/usage?end_user=ann@example.com", ADMIN_KEY);
    expect([nameless.status, await nameless.json()]).toMatchObject([400, { error: { param: "end_user" } }]);
    const totals = await listed("/v1/me/usage/totals?group_by=end_user,dialect&end_user=ann@example.com");
    expect(totals.data.map((each) => [each["end_user"], each["dialect"], each["requests"]])).toEqual(
      ["chat_completions", "completions", "messages", "responses"].map((dialect) => [anns[0], dialect, 1]),
    );
    const csv = await (await hearth.get("/v1/me/usage/totals?group_by=end_user&format=csv")).text();
    expect(csv).toContain(`${bens},1,0,0,0`);
  });

  it("is found by the tags of keys", async () => {
    await answering();
    const made = await fetch(`${hearth.url}/v1/me/keys`, {
      method: "POST",
      headers: { Authorization: `Bearer ${API_KEY}` },
      body: JSON.stringify({ name: "app", tags: { team: "web", stage: "a:b" } }),
    });
    const { key } = (await made.json()) as { key: string };
    await (await hearth.chat(QUESTION, { headers: { Authorization: `Bearer ${key}` } })).json();
    await (await hearth.chat(QUESTION)).json();
    expect((await listed("/v1/me/usage?tag=team:web")).data).toMatchObject([{ tags: { team: "web", stage: "a:b" } }]);
    expect((await listed("/v1/me/usage?tag=stage:a:b")).data).toHaveLength(1);
    expect((await listed("/v1/me/usage?tag=team:api")).data).toEqual([]);
    expect((await listed("/v1/me/usage/totals?tag=team:web")).data).toMatchObject([{ requests: 1 }]);
    expect((await (await hearth.get("/v1/me/usage?tag=team:web&format=csv")).text()).split("\r\n")[0]).toContain(
      "dialect,endpoint,end_user,tags",
    );
  });

  it("is an account's own: another account's name in the query finds nothing of it", async () => {
    await answering();
    await (await hearth.chat(QUESTION)).json();
    expect((await listed("/v1/me/usage?account=somebody")).data).toHaveLength(1);
    expect((await listed("/admin/usage?account=somebody", ADMIN_KEY)).data).toHaveLength(0);
    expect((await listed("/admin/usage?account=default", ADMIN_KEY)).data).toHaveLength(1);
  });

  it("is gone with the account's keys when it wants that, and the ledger's sums stay", async () => {
    await answering();
    await (await hearth.chat(QUESTION)).json();
    const call = async (method: string, path: string, key: string, body?: object) => {
      const init = { method, headers: { Authorization: `Bearer ${key}` }, ...(body && { body: JSON.stringify(body) }) };
      const response = await fetch(hearth.url + path, init);
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    };
    await call("POST", "/admin/accounts/default/deposits", ADMIN_KEY, { amount_micro_usd: 5, reason: "x" });
    const made = await call("POST", "/v1/me/keys", API_KEY, { name: "app" });
    const app = String(made.body["key"]);
    expect((await call("DELETE", "/v1/me/data", app)).body).toMatchObject({ error: { code: "insufficient_scope" } });
    const gone = await call("DELETE", "/v1/me/data", API_KEY);
    expect(gone.body).toEqual({
      object: "account.data",
      account: "default",
      deleted: true,
      keys_revoked: 1,
      keys_left: 0,
    });
    expect((await call("GET", "/v1/key", app)).status).toBe(401);
    expect((await listed("/v1/me/usage")).data).toEqual([]);
    expect((await listed("/v1/me/usage/totals")).data).toEqual([]);
    expect((await call("GET", "/v1/me/balance", API_KEY)).body).toMatchObject({ available_micro_usd: 5 });
    expect((await call("DELETE", "/admin/accounts/nobodys/data", ADMIN_KEY)).status).toBe(404);
    expect((await call("DELETE", "/admin/accounts/default/data", ADMIN_KEY)).body).toMatchObject({ keys_revoked: 0 });
  });

  it.each([
    ["limit=0", "limit"],
    ["limit=1001", "limit"],
    ["start_time=yesterday", "start_time"],
    ["format=xml", "format"],
    ["dialect=esperanto", "dialect"],
    ["tag=web", "tag"],
  ])("refuses %s and names the member", async (query, param) => {
    const response = await hearth.get(`/v1/me/usage?${query}`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { param } });
  });

  it("says that a time is in seconds to whoever asks by a date", async () => {
    for (const route of ["usage", "usage/totals", "earnings"]) {
      const response = await hearth.get(`/v1/me/${route}?end_time=yesterday`);
      expect(await response.json()).toMatchObject({
        error: { message: "Invalid 'end_time': must be a time in seconds since 1970", param: "end_time" },
      });
    }
  });

  it("adds up single requests of a month at most, and kept totals of any time", async () => {
    const statusOf = async (query: string) => (await hearth.get(`/v1/me/usage/totals?${query}`)).status;
    for (const query of ["group_by=end_user", "tag=team:web", "endpoint=/v1/completions"]) {
      expect([query, await statusOf(`${query}&start_time=0`)]).toEqual([query, 400]);
      expect([query, await statusOf(query)]).toEqual([query, 200]);
      expect([query, await statusOf(`${query}&start_time=0&end_time=2678400`)]).toEqual([query, 200]);
    }
    expect(await statusOf("group_by=model&start_time=0")).toBe(200);
  });

  it("looks through requests of a month at most, and lists those that it finds at once of any time", async () => {
    const statusOf = async (query: string) => (await hearth.get(`/v1/me/usage?${query}`)).status;
    for (const query of [
      "tag=team:web",
      "endpoint=/v1/completions",
      "key=k",
      "model=m",
      "provider=p",
      "dialect=messages",
    ]) {
      expect([query, await statusOf(`${query}&start_time=0`)]).toEqual([query, 400]);
      expect([query, await statusOf(query)]).toEqual([query, 200]);
      expect([query, await statusOf(`${query}&end_time=9`)]).toEqual([query, 200]);
    }
    expect([await statusOf("start_time=0"), await statusOf("end_user=anna&start_time=0")]).toEqual([200, 200]);
  });

  it("is found by names of end users of any length", async () => {
    await answering();
    const user = "u".repeat(600);
    await (await hearth.chat({ ...QUESTION, user })).json();
    expect((await listed(`/v1/me/usage?end_user=${user}`)).data).toHaveLength(1);
  });

  it("takes no tag that could not be asked for", async () => {
    const headers = { Authorization: `Bearer ${API_KEY}` };
    const body = JSON.stringify({ tags: { "a:b": "c" } });
    const response = await fetch(`${hearth.url}/v1/me/keys`, { method: "POST", headers, body });
    expect([response.status, await response.json()]).toMatchObject([400, { error: { param: "tags.a:b" } }]);
  });

  it.each(["bucket_width=1y", "group_by=prompt"])("refuses totals by %s", async (query) => {
    expect((await hearth.get(`/v1/me/usage/totals?${query}`)).status).toBe(400);
  });
});
