import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openMemoryStore } from "../../../coordinator/src/store/sqlite/open-sqlite-store.js";
import { ADMIN_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

// What became of a request, as its consumer and the operator see it over HTTP.

let hearth: TestCoordinator;

beforeEach(async () => {
  hearth = await startTestCoordinator({ store: openMemoryStore() });
});
afterEach(() => hearth[Symbol.asyncDispose]());

const QUESTION = { model: "m", messages: [{ role: "user", content: "a secret question" }] };

type Members = Record<string, unknown>;
interface List {
  readonly data: readonly Members[];
  readonly last_id: string | null;
  readonly has_more: boolean;
}
interface Detail extends Members {
  readonly attempts: readonly Members[];
}
const told = async <T = List>(path: string, key?: string): Promise<T> =>
  (await (await hearth.get(path, key)).json()) as T;

const broken = (name: string) => hearth.provider((s) => s.errorWithBody(500, { error: "a secret fault" }), { name });
const answering = (name: string) => hearth.provider((s) => s.answer("a secret answer"), { name });

/** A request that the broken machine had first: both are asked until that is so. */
async function failedOver(): Promise<{ readonly id: string; readonly first: string; readonly second: string }> {
  const [one, other] = [await broken("broken"), await answering("good")];
  const answer = await hearth.chat(QUESTION, { headers: { "X-Hearth-Providers": `${one.id}, ${other.id}` } });
  await answer.json();
  return { id: answer.headers.get("x-request-id") ?? "", first: one.id, second: other.id };
}

describe("the course of a request", () => {
  it("tells each attempt in order, why it moved on, and nothing of what was said", async () => {
    const { id, first, second } = await failedOver();
    const own = await told<Detail>(`/v1/me/requests/${id}`);
    expect(own).toMatchObject({
      ...{ id, object: "request", account: "default", endpoint: "/v1/chat/completions", dialect: "chat_completions" },
      ...{ model: "m", build: "m", provider: second, outcome: "success", code: null, stream: false },
      ...{ cost_micro_usd: null, plan: ["m"], not_tried: [], prompt_tokens: expect.any(Number) },
    });
    expect(Number(own["created_at"])).toBeGreaterThan(Date.now() / 1_000 - 60);
    const attempts = own.attempts.filter(({ provider }) => provider === first);
    for (const failed of attempts) {
      expect(failed).toMatchObject({ result: "failed", code: "backend_error", chosen: null });
      expect(failed["reason"]).toBe("Its backend answered with an error; the next machine was asked.");
    }
    expect(own.attempts.at(-1)).toMatchObject({ provider: second, result: "success", reason: null, code: null });
    const all = await told<Detail>(`/admin/requests/${id}`, ADMIN_KEY);
    const terms = (all.attempts[0]?.["chosen"] as { total_ms: number; terms: Record<string, number> }) ?? {};
    const sum = Object.values(terms.terms).reduce((total, ms) => total + ms, 0);
    expect(sum).toBeCloseTo(terms.total_ms, 1);
    expect(JSON.stringify([own, all])).not.toContain("secret");
  });

  it("is there while it runs, and says so", async () => {
    let end = (): void => {};
    const provider = await hearth.provider((s) => {
      s.role();
      s.content("begun");
      end = () => {
        s.finish();
        s.end();
      };
    });
    const answer = await hearth.chat({ ...QUESTION, stream: true });
    const id = answer.headers.get("x-request-id");
    const running = await told<Detail>(`/v1/me/requests/${id}`);
    expect(running).toMatchObject({ outcome: "running", provider: provider.id, stream: true });
    expect(running.attempts).toMatchObject([{ result: "running", ended_ms: null, reason: null }]);
    expect(running["ttft_ms"]).toEqual(expect.any(Number));
    expect((await told("/admin/requests?outcome=running", ADMIN_KEY)).data).toHaveLength(1);
    end();
    await answer.text();
    expect(await told(`/v1/me/requests/${id}`)).toMatchObject({ outcome: "success" });
  });

  it("tells what was refused, with its code, and what failed, with what could not be tried", async () => {
    await broken("only");
    await (await hearth.chat({ ...QUESTION, model: "nobody's" })).json();
    const failed = await hearth.chat(QUESTION);
    await failed.json();
    const { data } = await told("/v1/me/requests");
    expect(data).toMatchObject([
      { outcome: "failed", code: "provider_error", model: "m", provider: null, attempts: expect.any(Number) },
      { outcome: "refused", code: "model_not_found", model: "nobody's", attempts: 0, build: null },
    ]);
    const detail = await told<Detail>(`/v1/me/requests/${failed.headers.get("x-request-id")}`);
    expect(detail["not_tried"]).toMatchObject([{ model: "m", reason: expect.stringMatching(/^No other machine/) }]);
    expect((await told("/v1/me/requests?outcome=refused")).data).toHaveLength(1);
  });

  it("is shown to its own account and to the operator only", async () => {
    const { id } = await failedOver();
    const account = await fetch(`${hearth.url}/admin/accounts`, {
      method: "POST",
      headers: { Authorization: `Bearer ${ADMIN_KEY}` },
      body: JSON.stringify({ id: "ben" }),
    });
    expect(account.status).toBe(201);
    const made = await fetch(`${hearth.url}/admin/accounts/ben/keys`, {
      method: "POST",
      headers: { Authorization: `Bearer ${ADMIN_KEY}` },
      body: JSON.stringify({ name: "app", scopes: ["inference"] }),
    });
    const { key: secret } = (await made.json()) as { key: string };
    expect((await hearth.get(`/v1/me/requests/${id}`, secret)).status).toBe(404);
    expect((await told("/v1/me/requests", secret)).data).toEqual([]);
    expect((await told("/v1/me/requests?account=default", secret)).data).toEqual([]);
    expect((await hearth.get("/admin/requests", secret)).status).toBe(403);
    expect((await told("/admin/requests?account=default", ADMIN_KEY)).data).toHaveLength(1);
    expect((await told("/admin/requests?account=ben", ADMIN_KEY)).data).toEqual([]);
  });

  it("comes page by page", async () => {
    await answering("good");
    for (let n = 0; n < 3; n++) await (await hearth.chat(QUESTION)).json();
    const first = await told("/v1/me/requests?limit=2");
    expect([first.data.length, first.has_more]).toEqual([2, true]);
    const second = await told(`/v1/me/requests?limit=2&after=${first.last_id}`);
    expect([second.data.length, second.has_more]).toEqual([1, false]);
  });

  it("is found by what its caller called it, who gets that back", async () => {
    await answering("good");
    const clientId = "checkout-42/retry:1";
    const answer = await hearth.chat(QUESTION, { headers: { "X-Request-Id": clientId } });
    await answer.json();
    expect(answer.headers.get("x-request-id")).toBe(clientId);
    const id = answer.headers.get("x-hearth-request-id") ?? "";
    expect(id).toMatch(/^req_/);
    const found = await told<Detail>(`/v1/me/requests/${encodeURIComponent(clientId)}`);
    expect(found).toMatchObject({ id, client_request_id: clientId });
    for (const odd of ["two words", "ä", "x".repeat(129)]) {
      const { headers } = await hearth.chat(QUESTION, { headers: { "X-Request-Id": odd } });
      expect(headers.get("x-request-id")).toMatch(/^req_/);
    }
  });
});
