import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { API_KEY } from "../scripted/test-coordinator.js";
import { type BehindLlamaServer, program, startBehindLlamaServer } from "./behind-llama-server.test-set-up.js";

describe.skipIf(program === undefined)("a real llama-server behind a real agent answers", () => {
  let behind: BehindLlamaServer;

  beforeAll(async () => {
    behind = await startBehindLlamaServer();
  });
  afterAll(async () => {
    await behind[Symbol.asyncDispose]();
  });

  function post(path: string, body: object): Promise<Response> {
    const headers = { authorization: `Bearer ${API_KEY}`, "content-type": "application/json" };
    return fetch(`${behind.hearth.url}${path}`, {
      method: "POST",
      headers,
      body: JSON.stringify({ model: "pico", ...body }),
    });
  }

  it.each<[string, object, string | null]>([
    [
      "what a coding agent offers",
      {
        instructions: "You are a coding agent.",
        input: [{ type: "message", role: "user", content: [{ type: "input_text", text: "hi" }] }],
        tools: [
          { type: "function", name: "shell", strict: false, parameters: { type: "object", properties: {} } },
          { type: "web_search", external_web_access: false },
          {
            type: "custom",
            name: "apply_patch",
            description: "d",
            format: { type: "grammar", syntax: "lark", definition: 'start: "x"' },
          },
          { type: "namespace", name: "mcp__x", description: "d", tools: [] },
        ],
      },
      "web_search",
    ],
    [
      "what a coding agent has done",
      {
        input: [
          { type: "message", role: "user", content: "q" },
          {
            type: "custom_tool_call",
            call_id: "c2",
            name: "apply_patch",
            input: "*** Begin Patch",
            status: "completed",
          },
          { type: "custom_tool_call_output", call_id: "c2", output: "done" },
          { type: "function_call", call_id: "c3", name: "f", arguments: "" },
          { type: "function_call_output", call_id: "c3", output: "done" },
        ],
      },
      null,
    ],
  ])("a response to %s", async (_, body, ignored) => {
    for (const stream of [false, true]) {
      const answer = await post("/v1/responses", { max_output_tokens: 8, store: false, stream, ...body });
      expect(await answer.text()).toMatch(/"status":"(completed|incomplete)"/);
      expect(answer.status).toBe(200);
      expect(answer.headers.get("x-hearth-ignored")).toBe(ignored);
    }
  });

  it("with a call of a custom tool, and with a call in a namespace", async () => {
    const input = "What is the weather in Paris?";
    const description = "Get the weather in a city";
    const custom = { type: "custom", name: "get_weather", description };
    const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
    const called = { type: "function", name: "weather", description, parameters };
    const namespace = { type: "namespace", name: "get", description: "", tools: [called] };
    for (const [tool, expected] of [
      [custom, { type: "custom_tool_call", name: "get_weather", input: expect.stringMatching(/\w/) }],
      [
        namespace,
        { type: "function_call", namespace: "get", name: "weather", arguments: expect.stringContaining("city") },
      ],
    ] as const) {
      const body = { input, tools: [tool], max_output_tokens: 200, temperature: 0 };
      const answer = (await (await post("/v1/responses", body)).json()) as { readonly output: readonly object[] };
      expect(answer.output.at(-1)).toMatchObject(expected);
    }
  });
});
