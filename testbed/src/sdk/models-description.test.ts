import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, expect, it } from "vitest";
import { API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

interface Operation {
  readonly responses: Readonly<
    Record<string, { readonly content: Readonly<Record<string, { schema: { $ref: string } }>> }>
  >;
}

let hearth: TestCoordinator;
let paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });

beforeAll(async () => {
  hearth = await startTestCoordinator();
  await hearth.provider((s) => s.answer("Hel", "lo"));
  await hearth.provider(
    (s) => {
      s.raw('{"data":[{"embedding":[1,2]}]}', true);
      s.complete();
    },
    { models: [{ id: "e", capabilities: { embeddings: true } }] },
  );
  const description = (await (await fetch(`${hearth.url}/openapi.json`)).json()) as { paths: typeof paths };
  paths = description.paths;
  ajv.addSchema({ $id: "hearth", ...description });
});

afterAll(() => hearth.stop());

/** What the description says against an answer of this route; empty when it is as described. */
function problems(path: string, status: string, type: string, answer: unknown): readonly string[] {
  const [operation] = Object.values(paths[path]!);
  const { $ref } = operation!.responses[status]!.content[type]!.schema;
  const validate = ajv.compile({ $ref: `hearth${$ref}` });
  return validate(answer) ? [] : (validate.errors ?? []).map((each) => `${each.instancePath} ${each.message}`);
}

const messages = [{ role: "user", content: "hi" }];
const REQUESTS: readonly (readonly [string, object])[] = [
  ["/v1/chat/completions", { model: "m", messages }],
  ["/v1/completions", { model: "m", prompt: "hi" }],
  ["/v1/embeddings", { model: "e", input: "hi" }],
  ["/v1/responses", { model: "m", input: "hi" }],
  ["/v1/responses/input_tokens", { model: "m", input: "hi" }],
  ["/v1/messages", { model: "m", max_tokens: 9, messages }],
  ["/v1/messages/count_tokens", { model: "m", messages }],
];

const post = (path: string, body: object): Promise<Response> =>
  fetch(`${hearth.url}${path}`, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { Authorization: `Bearer ${API_KEY}` },
  });

it.each(REQUESTS)("%s answers as the description of the API says, and so do its errors", async (path, body) => {
  const answered = await post(path, body);
  expect(answered.status).toBe(200);
  expect(problems(path, "200", "application/json", await answered.json())).toEqual([]);
  const refused = await post(path, { ...body, model: 7 });
  expect(refused.status).toBe(400);
  expect(problems(path, "4XX", "application/json", await refused.json())).toEqual([]);
});

it.each(REQUESTS.filter(([path]) => !/embeddings|count_tokens|input_tokens/.test(path)))(
  "%s streams the events that the description names",
  async (path, body) => {
    const text = await (await post(path, { ...body, stream: true })).text();
    const events = (text.match(/^data: \{.*$/gm) ?? []).map((line) => JSON.parse(line.slice("data: ".length)));
    expect(events.length).toBeGreaterThan(2);
    for (const event of events) expect(problems(path, "200", "text/event-stream", event)).toEqual([]);
  },
);

it("lists and finds models as the description says", async () => {
  expect(problems("/v1/models", "200", "application/json", await (await hearth.get("/v1/models")).json())).toEqual([]);
  const found = await (await hearth.get("/v1/models/m")).json();
  expect(problems("/v1/models/{id}", "200", "application/json", found)).toEqual([]);
});
