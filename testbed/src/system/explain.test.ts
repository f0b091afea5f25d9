import { afterEach, beforeEach, expect, it } from "vitest";
import { ADMIN_KEY, API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

// Where a request would go, asked over HTTP.

let hearth: TestCoordinator;

beforeEach(async () => {
  hearth = await startTestCoordinator();
});
afterEach(() => hearth[Symbol.asyncDispose]());

interface Explained {
  readonly plan: readonly string[];
  readonly data: readonly {
    readonly provider: string;
    readonly eligible: boolean;
    readonly rank: number | null;
    readonly gates: readonly { readonly gate: string; readonly words: string; readonly remedy: string }[];
    readonly terms: Record<string, number>;
    readonly total_ms: number;
  }[];
}

const ask = (question: object, key = ADMIN_KEY): Promise<Response> =>
  fetch(`${hearth.url}/admin/explain`, {
    method: "POST",
    headers: { Authorization: `Bearer ${key}` },
    body: JSON.stringify(question),
  });
const explained = async (question: object): Promise<Explained> => (await (await ask(question)).json()) as Explained;

const answering = (name: string) => hearth.provider((s) => s.answer("yes"), { name });

it("names the machine that then gets the request, with terms that add up", async () => {
  const provider = await answering("only");
  const { plan, data } = await explained({ model: "m" });
  expect(plan).toEqual(["m"]);
  expect(data).toMatchObject([{ provider: provider.id, eligible: true, rank: 1, gates: [] }]);
  const { terms = {}, total_ms = -1 } = data[0] ?? {};
  expect(Object.values(terms).reduce((sum, ms) => sum + ms, 0)).toBeCloseTo(total_ms, 1);
  const answer = await hearth.chat({ model: "m", messages: [{ role: "user", content: "?" }] });
  expect(answer.headers.get("x-provider-id")).toBe(provider.id);
  await answer.json();
});

it("says in words what is against a machine, and counts nothing", async () => {
  const provider = await answering("only");
  const before = await hearth.metric('hearth_gate_rejections_total{gate="vision"}');
  const { data } = await explained({ model: "m", vision: true, providers: [provider.id] });
  expect(data).toMatchObject([{ eligible: false, rank: null, gates: [{ gate: "vision", words: "takes no images" }] }]);
  expect((await explained({ model: "none" })).data[0]?.gates[0]?.gate).toBe("not_serving_model");
  expect((await explained({ model: "m", providers: ["other"] })).data[0]?.gates[0]?.gate).toBe("allowlist");
  expect((await explained({ model: "m", route: "self" })).data[0]?.gates[0]?.gate).toBe("private_only");
  expect((await explained({ model: "m", route: "self", account: "default" })).data[0]?.eligible).toBe(true);
  expect(await hearth.metric('hearth_gate_rejections_total{gate="vision"}')).toBe(before);
});

it("is for the operator, and refuses what is no question", async () => {
  expect((await ask({ model: "m" }, API_KEY)).status).toBe(401);
  expect((await ask({})).status).toBe(400);
  expect((await ask({ model: "m", prompt: "a secret" })).status).toBe(400);
});
