import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readMembers } from "./json-members.js";
import type { Splice } from "./json-text.js";
import { repairToolSchemas, toolRepair } from "./tool-schema.js";

const body = (tools: unknown): string => JSON.stringify({ model: "m", tools });
const chatTool = (parameters: unknown): object => ({ type: "function", function: { name: "f", parameters } });

/** The repaired form of one schema in the home of chat completions. */
function repaired(schema: unknown): unknown {
  const { tools } = JSON.parse(repairToolSchemas(body([chatTool(schema)])));
  return tools[0].function.parameters;
}

const prop = (schema: unknown): object => ({ type: "object", properties: { x: schema } });
const repairedProp = (schema: unknown): unknown =>
  (repaired(prop(schema)) as { properties: { x: unknown } }).properties.x;

describe("the type of a schema", () => {
  it("collapses from a list to its first member that is not null, and says that null is allowed", () => {
    expect(repairedProp({ type: ["null", "integer"] })).toEqual({ type: "integer", nullable: true });
    expect(repairedProp({ type: ["string", "null"], nullable: false })).toEqual({ type: "string", nullable: false });
    expect(repairedProp({ type: ["string", "integer"] })).toEqual({ type: "string" });
    expect(repairedProp({ type: ["null"] })).toEqual({ type: "null" });
  });

  it.each([
    ["an object by its properties", { properties: {} }, "object"],
    ["an object by its additional properties", { additionalProperties: false }, "object"],
    ["an array by its items", { items: true }, "array"],
    ["the first concrete member of a union", { anyOf: [{ type: "null" }, { type: "integer" }] }, "integer"],
    ["a union whose member is repaired first", { oneOf: [{ type: ["null", "number"] }] }, "number"],
    ["a string where nothing says more", { description: "free" }, "string"],
    ["a string in an empty schema below the root", {}, "string"],
  ])("is found for %s", (_name, schema, type) => {
    for (const malformed of [{}, { type: 7 }, { type: [] }, { type: null }, { type: { a: 1 } }, { type: [1, null] }]) {
      expect(repairedProp({ ...schema, ...malformed })).toMatchObject({ type });
    }
  });

  it("follows a reference within the schema, and keeps it", () => {
    const schema = {
      type: "object",
      properties: { a: { $ref: "#/$defs/A~1B" }, loop: { $ref: "#/$defs/loop" }, far: { $ref: "https://x/y" } },
      $defs: { "A/B": { properties: {} }, loop: { $ref: "#/$defs/loop" } },
    };
    expect(repaired(schema)).toMatchObject({
      properties: {
        a: { $ref: "#/$defs/A~1B", type: "object" },
        loop: { $ref: "#/$defs/loop", type: "string" },
        far: { $ref: "https://x/y", type: "string" },
      },
    });
  });

  it("is repaired in every place where JSON Schema has a schema", () => {
    const bare = { enum: ["a"] };
    const full = { enum: ["a"], type: "string" };
    const places = (leaf: object): object => ({
      type: "object",
      properties: { p: leaf },
      patternProperties: { "^p": leaf },
      $defs: { d: leaf },
      definitions: { d: leaf },
      dependentSchemas: { d: leaf },
      items: leaf,
      prefixItems: [leaf],
      additionalProperties: leaf,
      anyOf: [leaf],
      oneOf: [leaf],
      allOf: [leaf],
      not: leaf,
      if: leaf,
      // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema
      then: leaf,
      else: leaf,
    });
    expect(repaired(places(bare))).toEqual(places(full));
    expect(repaired({ type: "array", items: [bare] })).toEqual({ type: "array", items: [full] });
  });

  it("is given to nothing that only looks like a schema", () => {
    const schema = {
      type: "object",
      properties: { x: { type: "string", enum: [{ properties: {} }], default: { items: {} }, examples: [{}] } },
      required: ["x"],
      additionalProperties: false,
    };
    expect(repaired(schema)).toEqual(schema);
    expect(repairedProp(true)).toBe(true);
  });
});

describe("the homes of a schema", () => {
  const bare = { properties: {} };
  const full = { type: "object", properties: {} };
  const tools = (entry: object): unknown => JSON.parse(repairToolSchemas(body([entry]))).tools[0];

  it("are function.parameters, flat parameters and input_schema", () => {
    expect(tools({ function: { parameters: bare } })).toEqual({ function: { parameters: full } });
    expect(tools({ name: "f", parameters: bare })).toEqual({ name: "f", parameters: full });
    expect(tools({ name: "f", input_schema: bare })).toEqual({ name: "f", input_schema: full });
  });

  it("leave out flat parameters beside an object function", () => {
    const entry = { function: { name: "f" }, parameters: bare };
    expect(tools(entry)).toEqual(entry);
    expect(tools({ function: "f", parameters: bare })).toEqual({ function: "f", parameters: full });
  });

  it("have nothing invented on them", () => {
    for (const entry of [{ type: "function", function: { name: "f" } }, { parameters: {} }, { parameters: null }, 7]) {
      const text = body([entry]);
      expect(repairToolSchemas(text)).toBe(text);
    }
  });
});

describe("the rest of the body", () => {
  it("survives exactly: digits, order of members, white space", () => {
    const text = `{ "seed" : 9007199254740993,\n "t":0.30000000000000004,
      "tools":[ {"function":{ "parameters":{"properties" : {"x":{ "maximum":9007199254740993 , "type":["integer","null"]}}}}} ],
      "z" : "\\u00e9\\/" }`;
    expect(repairToolSchemas(text)).toBe(
      text
        .replace('{"properties" :', '{"type":"object","properties" :')
        .replace('["integer","null"]', '"integer","nullable":true'),
    );
  });

  it.each([
    ["no tools", '{"model":"m"}'],
    ["tools that are no list", '{"tools":{"function":{"parameters":{"properties":{}}}}}'],
    ["tools twice", '{"tools":[{"parameters":{"properties":{}}}],"tools":[]}'],
    ["a name twice in a schema", '{"tools":[{"parameters":{"properties":{},"properties":{}}}]}'],
    ["tools only inside", '{"a":{"tools":[{"parameters":{"properties":{}}}]}}'],
    ["more than 4 MiB", `{"tools":[{"parameters":{"properties":{}}}],"a":"${"x".repeat(4 * 2 ** 20)}"}`],
    ["a schema nested too deep", `{"tools":[{"parameters":${'{"items":'.repeat(70)}{}${"}".repeat(70)}}]}`],
    [
      "more types missing than the limit allows to add",
      `{"tools":[{"parameters":{"items":[${"{},".repeat(300_000)}0]}}]}`,
    ],
    ["no JSON", '{"tools":[{"parameters":{"properties":{}}]}'],
  ])("is left alone where there are %s", (_name, text) => {
    expect(repairToolSchemas(text)).toBe(text);
  });
});

it("says whether every schema was read", () => {
  const complete = (text: string): boolean => {
    const result = readMembers(text);
    return result.type === "object" && toolRepair(result.object).complete;
  };
  expect(complete(body([chatTool({ type: "object", properties: {} })]))).toBe(true);
  expect(complete('{"tools":[{"a":1,"a":2}]}')).toBe(false);
});

// The rules once more, on parsed JSON and without an eye on speed or bytes.
type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const isObject = (value: Json | undefined): value is { [key: string]: Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function plainRepair(schema: { [key: string]: Json }): { [key: string]: Json } {
  const copy = { ...schema };
  const child = (value: Json): Json => (isObject(value) ? plainRepair(value) : value);
  for (const key of Object.keys(copy)) {
    const value = copy[key] as Json;
    if (["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"].includes(key)) {
      if (isObject(value)) copy[key] = Object.fromEntries(Object.entries(value).map(([k, v]) => [k, child(v)]));
    } else if (["anyOf", "oneOf", "allOf", "prefixItems", "items"].includes(key) && Array.isArray(value)) {
      copy[key] = value.map(child);
    } else if (["items", "additionalProperties", "not", "if", "then", "else"].includes(key)) {
      copy[key] = child(value);
    }
  }
  const { type } = copy;
  if (typeof type === "string") return copy;
  const names = Array.isArray(type) ? type.filter((each) => typeof each === "string") : [];
  const concrete = names.find((name) => name !== "null");
  if (concrete !== undefined && names.includes("null") && !("nullable" in copy)) copy["nullable"] = true;
  return { ...copy, type: concrete ?? names[0] ?? structure(copy) };
}

function structure(schema: { [key: string]: Json }): string {
  if ("properties" in schema || "additionalProperties" in schema) return "object";
  if ("items" in schema) return "array";
  for (const key of ["anyOf", "oneOf", "allOf"]) {
    const variants = schema[key];
    if (!Array.isArray(variants)) continue;
    for (const variant of variants)
      if (isObject(variant) && variant["type"] !== "null") return variant["type"] as string;
  }
  return "string";
}

const { schema: schemas } = fc.letrec<{ schema: { [key: string]: Json }; slot: Json }>((tie) => {
  const slot = tie("slot");
  const map = fc.dictionary(fc.constantFrom("a", "b", "type", 'é\\"'), slot, { maxKeys: 2 });
  const list = fc.array(slot, { maxLength: 3 });
  const name = fc.constantFrom("string", "integer", "null", "object", "array");
  const type: fc.Arbitrary<Json> = fc.oneof(
    name,
    fc.array(fc.oneof(name, fc.constantFrom(1, null)), { maxLength: 3 }),
    fc.jsonValue({ maxDepth: 1 }) as fc.Arbitrary<Json>,
  );
  const keyword = { depthSize: "small", withCrossShrink: true } as const;
  return {
    slot: fc.oneof(keyword, fc.boolean(), fc.constant(null), tie("schema")),
    schema: fc.record(
      {
        type,
        nullable: fc.boolean(),
        description: fc.string(),
        enum: fc.array(fc.jsonValue({ maxDepth: 1 }), { maxLength: 2 }) as fc.Arbitrary<Json>,
        maximum: fc.double({ noNaN: true, noDefaultInfinity: true }),
        properties: map,
        $defs: map,
        items: fc.oneof(slot, list),
        additionalProperties: slot,
        anyOf: list,
        allOf: list,
        prefixItems: list,
        not: slot,
        patternProperties: fc.oneof(map, fc.constant(true)),
      },
      { requiredKeys: [] },
    ) as fc.Arbitrary<{ [key: string]: Json }>,
  };
});

/** A schema's text: indented or not, with its members in any order. */
const schemaTexts = fc
  .tuple(schemas, fc.constantFrom(0, 1))
  .map(([schema, indent]) => ({ schema: JSON.parse(JSON.stringify(schema)) as { [key: string]: Json }, indent }));

describe("any schema", () => {
  const wrap = (schema: Json, indent: number): string =>
    JSON.stringify({ big: "§", tools: [chatTool(schema)], last: 1 }, null, indent).replace('"§"', "9007199254740993");

  it("is repaired as the rules say, and every other character is where it was", () => {
    fc.assert(
      fc.property(schemaTexts, ({ schema, indent }) => {
        const root = { title: "root", ...schema };
        const text = wrap(root, indent);
        expect(JSON.parse(repairToolSchemas(text)).tools[0].function.parameters).toEqual(plainRepair(root));
        for (const { start, end } of splicesOf(text)) {
          if (start === end) continue;
          expect(text.slice(0, start)).toMatch(/"type":\s*$/);
          expect(JSON.parse(text.slice(start, end))).not.toBeTypeOf("string");
        }
      }),
      { numRuns: 500 },
    );
  });

  it("is repaired once and for all", () => {
    fc.assert(
      fc.property(schemaTexts, ({ schema, indent }) => {
        const once = repairToolSchemas(wrap(schema, indent));
        expect(repairToolSchemas(once)).toBe(once);
      }),
      { numRuns: 500 },
    );
  });

  it("comes back as the very text where it needs no repair", () => {
    fc.assert(
      fc.property(schemaTexts, ({ schema, indent }) => {
        const text = wrap(plainRepair({ title: "root", ...schema }), indent);
        expect(repairToolSchemas(text)).toBe(text);
      }),
    );
  });
});

function splicesOf(text: string): readonly Splice[] {
  const result = readMembers(text);
  return result.type === "object" ? toolRepair(result.object).splices : [];
}

it.each([
  ["many tools", `{"tools":[${'{"parameters":{"properties":{}}},'.repeat(60_000)}0]}`],
  ["many references", manyReferences(20_000)],
  ["one long union", `{"tools":[{"parameters":{"anyOf":[${'{"type":"null"},'.repeat(100_000)}1]}}]}`],
  ["many members", `{"tools":[{"parameters":{"properties":{${manyMembers(60_000)}}}}]}`],
  ["brackets that nothing closes", `{"tools":${"[".repeat(1_000_000)}`],
])("takes linear time for %s", (_name, text) => {
  const before = process.cpuUsage();
  repairToolSchemas(text);
  // Quadratic time would be minutes.
  expect(process.cpuUsage(before).user).toBeLessThan(5_000_000);
});

/** Each definition refers to the next. */
function manyReferences(count: number): string {
  const defs = Array.from({ length: count }, (_, i) => [`d${i}`, { $ref: `#/$defs/d${i + 1}` }]);
  return body([chatTool({ type: "object", $defs: Object.fromEntries(defs) })]);
}

function manyMembers(count: number): string {
  return Array.from({ length: count }, (_, i) => `"p${i}":{}`).join(",");
}

it("walks no reference that is longer than any generator writes", () => {
  const schema = {
    type: "object",
    properties: { x: { $ref: `#/${"~1".repeat(600)}` } },
    ["/".repeat(600)]: { type: "number" },
  };
  const repaired = repairToolSchemas(
    JSON.stringify({ tools: [{ type: "function", function: { name: "f", parameters: schema } }] }),
  );
  expect(JSON.parse(repaired)).toMatchObject({
    tools: [{ function: { parameters: { properties: { x: { type: "string" } } } } }],
  });
});
