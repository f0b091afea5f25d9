import { getLlama, type Llama, LlamaGrammar, LlamaLogLevel } from "node-llama-cpp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AnswerShape, answerGrammar } from "./answer-grammar.js";

let llama: Llama;
beforeAll(async () => {
  llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error });
});
afterAll(() => llama?.dispose());

/** Asks llama.cpp itself whether a model could have written this text. */
function accepts(shape: AnswerShape, text: string): boolean {
  const grammar = new LlamaGrammar(llama, { grammar: answerGrammar(shape) ?? "" });
  return (grammar as unknown as { _testText(text: string): boolean })._testText(text);
}

function acceptsJson(schema: unknown, text: string): boolean {
  return accepts({ json: { type: "schema", schema } }, text);
}

const person = {
  type: "object",
  properties: { name: { type: "string" }, age: { type: "integer" } },
  required: ["name"],
};
const tree = {
  $defs: {
    node: {
      type: "object",
      properties: { left: { $ref: "#/$defs/node" }, value: { type: "number" } },
      required: ["value"],
    },
  },
  $ref: "#/$defs/node",
};
const three = {
  type: "object",
  properties: { a: { type: "null" }, b: { type: "null" }, c: { type: "null" } },
};

describe("the grammar of a JSON Schema", () => {
  it.each<[string, unknown, readonly string[], readonly string[]]>([
    [
      "objects",
      person,
      ['{"name": "Ann", "age": 3}', '{"name":"Ann"}'],
      ["{}", '{"age": 3}', '{"name": 1}', '{"name": "A", "x": 1}', '{"name": "A"} '],
    ],
    [
      "optional properties",
      three,
      ["{}", '{"a":null}', '{"b":null}', '{"a":null,"c":null}', '{"b": null, "c": null}'],
      ['{,"b":null}', '{"a":null,}', '{"c":null,"a":null}'],
    ],
    ["free objects", { type: "object" }, ["{}", '{"a": [1, {"b": null}]}'], ["[]", '{"a"}']],
    [
      "maps",
      { type: "object", additionalProperties: { type: "boolean" } },
      ["{}", '{"x": true, "y": false}'],
      ['{"x": 1}'],
    ],
    ["required without properties", { type: "object", required: ["k"] }, ['{"k": [1]}'], ["{}"]],
    [
      "arrays with bounds",
      { type: "array", items: { type: "integer" }, minItems: 2, maxItems: 3 },
      ["[1, 2]", "[1,2,3]"],
      ["[1]", "[1, 2, 3, 4]", "[]"],
    ],
    ["empty arrays", { type: "array", maxItems: 0 }, ["[]"], ["[1]"]],
    ["one item at most", { type: "array", items: {}, maxItems: 1 }, ["[]", "[1]"], ["[1, 2]"]],
    [
      "tuples",
      { type: "array", prefixItems: [{ type: "string" }, { type: "null" }] },
      ['["a", null]'],
      ['["a"]', '[null, "a"]'],
    ],
    ["strings", { type: "string" }, ['""', '"a\\n\\u00e9 € \\""'], ['"a\nb"', '"\\x"', "a"]],
    ["strings with bounds", { type: "string", minLength: 2, maxLength: 3 }, ['"ab"', '"日本語"'], ['"a"', '"abcd"']],
    ["dates", { type: "string", format: "date" }, ['"2026-11-21"'], ['"2026-13-01"', '"today"']],
    [
      "dates with times",
      { format: "date-time" },
      ['"2026-11-21T10:00:00Z"', '"2026-11-21T10:00:00.123+01:00"'],
      ['"2026-11-21"'],
    ],
    ["UUIDs", { type: "string", format: "uuid" }, ['"01234567-89ab-cdef-0123-456789abcdef"'], ['"0123"']],
    ["numbers", { type: "number" }, ["0", "-1.5", "1e10", "12"], ["01", "1.", "+1", ".5"]],
    ["integers", { type: "integer" }, ["-12", "0"], ["1.5", "00"]],
    ["numbers that are not negative", { type: "integer", minimum: 0 }, ["0", "7"], ["-1"]],
    ["enums", { enum: ["a", 1, null, 'q"\\'] }, ['"a"', "1", "null", '"q\\"\\\\"'], ['"b"', "a"]],
    ["constants", { const: { a: [1] } }, ['{"a":[1]}'], ["{}"]],
    ["several types", { type: ["string", "null"], maxLength: 1 }, ["null", '"a"'], ["1", '"ab"']],
    ["anything", {}, ["1", '{"a":[]}', "null"], ["", "{"]],
    ["alternatives", { anyOf: [{ type: "integer" }, { const: "x" }] }, ["1", '"x"'], ['"y"']],
    [
      "alternatives that add to what is common",
      { ...person, oneOf: [{ required: ["age"] }] },
      ['{"name": "A", "age": 1}'],
      ['{"name": "A"}'],
    ],
    [
      "all of several",
      { allOf: [person, { properties: { ok: { type: "boolean" } }, required: ["ok"] }] },
      ['{"name": "A", "ok": true}'],
      ['{"name": "A"}'],
    ],
    [
      "references to themselves",
      tree,
      ['{"value": 1}', '{"left": {"left": {"value": 1}, "value": 2}, "value": 3}'],
      ['{"left": {}, "value": 1}'],
    ],
    [
      "references to the root",
      { type: "object", properties: { next: { $ref: "#" } } },
      ["{}", '{"next": {"next": {}}}'],
      ['{"next": 1}'],
    ],
  ])("takes %s and nothing else", (_, schema, good, bad) => {
    for (const text of good) expect.soft(acceptsJson(schema, text), text).toBe(true);
    for (const text of bad) expect.soft(acceptsJson(schema, text), text).toBe(false);
  });

  it.each<[string, unknown]>([
    ["keywords it cannot enforce", { type: "object", patternProperties: { "^x": {} } }],
    ["references that point nowhere", { $ref: "#/$defs/none" }],
    ["references to elsewhere", { $ref: "https://example.com/schema" }],
    ["what is no schema", { type: "array", items: 7 }],
    ["a reference that is only itself", { $defs: { a: { allOf: [{ $ref: "#/$defs/a" }] } }, $ref: "#/$defs/a" }],
  ])("refuses %s", (_, schema) => {
    expect(() => answerGrammar({ json: { type: "schema", schema } })).toThrow(
      expect.objectContaining({ code: "unsupported_schema" }),
    );
  });

  it("does not bound what is longer than llama.cpp can count", () => {
    expect(acceptsJson({ type: "string", maxLength: 1_000_000 }, '"a"')).toBe(true);
    expect(acceptsJson({ type: "string", maxLength: 2_000 }, '"a"')).toBe(true);
  });
});

describe("the grammar of tool calls", () => {
  const tools = [{ name: "a", parameters: person }, { name: 'b"' }];
  const a = '<tool_call>\n{"name": "a", "arguments": {"name": "x"}}\n</tool_call>';
  const b = '<tool_call>\n{"name": "b\\"", "arguments": {}}\n</tool_call>';

  it("takes one or several calls of the tools with their own arguments", () => {
    const shape = { calls: { tools, parallel: true } };
    for (const text of [a, b, `${a}\n${b}`]) expect(accepts(shape, text)).toBe(true);
    for (const text of ["", "Sure!", a.replace('"name": "x"', ""), `${a}${b}`])
      expect(accepts(shape, text)).toBe(false);
  });

  it("takes one call only where they are not parallel", () => {
    expect(accepts({ calls: { tools, parallel: false } }, a)).toBe(true);
    expect(accepts({ calls: { tools, parallel: false } }, `${a}\n${b}`)).toBe(false);
  });

  it("takes calls or JSON where both are possible", () => {
    const shape: AnswerShape = { json: { type: "object" }, calls: { tools, parallel: true } };
    for (const text of [a, '{"x": 1}']) expect(accepts(shape, text)).toBe(true);
    expect(accepts(shape, "[]")).toBe(false);
  });
});

it("has no grammar where anything goes", () => {
  expect(answerGrammar({})).toBeUndefined();
});
