import type { RequestId } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import { toChatRequest } from "./to-internal.js";

const SCHEMA = '{ "type":"object","properties":{"n":{"maximum":1.0e0}} }';
const FUNCTION = `{"type":"function" ,"function":{"name":"f","description":null,"parameters":${SCHEMA}}}`;
const MENDED = FUNCTION.replace('"description":null,', "");
const CUSTOM = { type: "custom", custom: { name: "k", description: "d", format: { type: "text" } } };

const requestOf = (tools: string, more: object = {}) => {
  const rest = JSON.stringify({ model: "m", messages: [{ role: "user", content: "hi" }], ...more });
  return toChatRequest(Buffer.from(`{"tools":${tools},${rest.slice(1)}`), "req" as RequestId);
};

function sent(tools: string, more: object = {}): string {
  return Buffer.from(requestOf(tools, more).form({ dialects: [] }, "m").body).toString();
}

const bodyOf = (tools: string, more: object = {}) => JSON.parse(sent(tools, more)) as Record<string, unknown>;
const chosen = (tools: string, choice: unknown) => bodyOf(tools, { tool_choice: choice });

describe("tools that a vendor's servers run", () => {
  const HOSTED = ['{"type":"web_search"}', '{"type":"mcp","server_label":"s","server_url":"https://example.com"}'];

  it("are left out and named; the functions beside them go out as they came", () => {
    const tools = `[${HOSTED[0]}, ${FUNCTION},${HOSTED[1]},{"type":"builtin_function","function":{"name":"$s"}}]`;
    const request = requestOf(tools);
    expect(request.ignored).toEqual(["web_search", "mcp", "builtin_function"]);
    expect(request.needs.tools).toBe(true);
    expect(sent(tools)).toContain(`"tools":[${MENDED}]`);
  });

  it("leave no tools where there are no others, and nothing that goes with tools", () => {
    const tools = `[${HOSTED.join(",")}]`;
    expect(requestOf(tools).needs.tools).toBe(false);
    const body = bodyOf(tools, { tool_choice: "auto", parallel_tool_calls: true });
    expect(body).not.toHaveProperty("tools");
    expect(body).not.toHaveProperty("tool_choice");
    expect(body).not.toHaveProperty("parallel_tool_calls");
  });

  it.each<unknown>([
    { type: "web_search" },
    { type: "function", function: { name: "web_search" } },
    { type: "tool", name: "x" },
    { type: "function" },
    { type: "allowed_tools", allowed_tools: { mode: "required", tools: [{ type: "web_search" }] } },
    { type: "allowed_tools", allowed_tools: { mode: "auto", tools: [{ type: "function", function: { name: "x" } }] } },
  ])("are refused where they must be called: %j", (choice) => {
    expect(() => requestOf(`[${HOSTED[0]},${FUNCTION}]`, { tool_choice: choice })).toThrow(
      expect.objectContaining({ code: "invalid_request", details: { param: "tool_choice" } }),
    );
  });

  it("are refused where one must be called and there are no others", () => {
    expect(() => requestOf(`[${HOSTED[0]}]`, { tool_choice: "required" })).toThrow(/tool_choice/);
  });
});

describe("a tool in a form of its own", () => {
  it("is a function without the object around it", () => {
    const flat = `{"type":"function","name":"f","strict":null,"parameters":${SCHEMA}}`;
    expect(bodyOf(`[${flat}]`)["tools"]).toEqual([
      { type: "function", function: expect.objectContaining({ name: "f", parameters: JSON.parse(SCHEMA) }) },
    ]);
    expect(sent(`[${flat}]`)).toContain(`"parameters":${SCHEMA}`);
  });

  it("is offered as a function of one text where it takes a text", () => {
    const grammar = { type: "grammar", grammar: { syntax: "lark", definition: "start: /a/" } };
    const tools = JSON.stringify([CUSTOM, { type: "custom", custom: { name: "g", format: grammar } }]);
    const [text, told] = bodyOf(tools)["tools"] as { readonly function: { readonly description: string } }[];
    expect(text).toMatchObject({ type: "function", function: { name: "k", parameters: { required: ["input"] } } });
    expect(told?.function.description).toContain("start: /a/");
  });

  it.each(["function", "custom"])("needs a name: %s", (type) => {
    expect(() => requestOf(`[{"type":"${type}"}]`)).toThrow(/needs a name/);
  });
});

describe("a choice", () => {
  const named = { type: "function", function: { name: "f" } };
  const TOOLS = `[${FUNCTION},${JSON.stringify(CUSTOM)}]`;

  it.each<[unknown, unknown]>([
    ["auto", "auto"],
    ["any", "required"],
    [{ type: "any" }, "required"],
    [{ type: "auto" }, "auto"],
    [named, named],
    [{ type: "function", name: "f" }, named],
    [{ type: "tool", name: "f" }, named],
    [
      { type: "custom", custom: { name: "k" } },
      { type: "function", function: { name: "k" } },
    ],
    ["a backend's own", "a backend's own"],
  ])("is told in the terms that backends know: %j", (choice, told) => {
    expect(chosen(TOOLS, choice)["tool_choice"]).toEqual(told);
  });

  it("of some tools offers those, and no others", () => {
    const allowed = { mode: "required", tools: [{ type: "function", function: { name: "f" } }, { type: "mcp" }] };
    for (const choice of [
      { type: "allowed_tools", allowed_tools: allowed },
      { type: "allowed_tools", ...allowed },
    ]) {
      const body = chosen(TOOLS, choice);
      expect(body["tool_choice"]).toBe("required");
      expect(body["tools"]).toEqual([JSON.parse(MENDED)]);
    }
  });
});

it("leaves functions and their choice byte for byte, nulls apart", () => {
  expect(sent(`[ ${FUNCTION} , ${FUNCTION.replaceAll('"f"', '"g"')} ]`, { tool_choice: "auto" })).toContain(
    `"tools":[ ${MENDED} , ${MENDED.replaceAll('"f"', '"g"')} ]`,
  );
});
