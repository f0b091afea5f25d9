import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readNode } from "./json-nodes.js";
import { type SchemaLimit, SchemaRepair } from "./schema-repair.js";

const NO_LIMIT = 1e9;

function repairedText(text: string, limit: SchemaLimit = "loose_types"): string {
  const root = readNode(text, 0);
  if (root?.kind !== "object") throw new Error("no object");
  return new SchemaRepair(text, root, NO_LIMIT).for(limit);
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Schema = { [key: string]: Json };

const repaired = (schema: Json, limit?: SchemaLimit): Schema =>
  JSON.parse(repairedText(JSON.stringify(schema), limit)) as Schema;

/** One property's schema, repaired in its place. */
const repairedProp = (schema: Json, defs: Schema = {}): Json | undefined => {
  const root = repaired({ type: "object", properties: { x: schema }, $defs: defs });
  return (root["properties"] as Schema)["x"];
};

const ANY = { type: "string", anyOf: [{}] };
const STRING_OR_NULL = [{ type: "string" }, { type: "null" }];

describe("a node without a type", () => {
  it.each<[string, Json, Json]>([
    ["that says nothing", {}, ANY],
    ["that is true", true, ANY],
    ["that is false", false, { not: {} }],
    ["that is only described", { description: "d" }, { ...ANY, description: "d" }],
    ["of one kind of values", { enum: ["a", "b"] }, { type: "string", enum: ["a", "b"] }],
    ["of whole numbers", { enum: [1, 2] }, { type: "integer", enum: [1, 2] }],
    ["of numbers", { const: 1.5 }, { type: "number", const: 1.5 }],
    ["of a truth", { const: true }, { type: "boolean", const: true }],
    [
      "of several kinds of values",
      { enum: ["a", 1, null] },
      { type: "string", enum: ["a"], anyOf: [{ enum: ["a", 1, null] }] },
    ],
    ["with a range", { minimum: 1 }, { type: "number", minimum: 1, anyOf: [{ minimum: 1 }] }],
    ["with a length", { minLength: 1 }, { type: "string", minLength: 1, anyOf: [{ minLength: 1 }] }],
    ["with a default", { default: 5 }, { type: "integer", default: 5, anyOf: [{}] }],
    ["with properties", { properties: {} }, { type: "object", properties: {} }],
    ["with items", { items: { type: "null" } }, { type: "array", items: { type: "null" } }],
    [
      "with places",
      { prefixItems: [{ type: "null" }] },
      { type: "array", prefixItems: [{ type: "null" }], items: ANY, anyOf: [{ prefixItems: [{ type: "null" }] }] },
    ],
    [
      "that only demands members",
      { required: ["a"] },
      { type: "object", required: ["a"], properties: {}, anyOf: [{ required: ["a"] }] },
    ],
    [
      "that may have any member",
      { additionalProperties: true },
      { type: "object", additionalProperties: true, properties: {}, anyOf: [{ additionalProperties: true }] },
    ],
    ["that is a union", { anyOf: STRING_OR_NULL }, { type: "string", anyOf: STRING_OR_NULL }],
    ["that is a union of others", { oneOf: [{ const: 1 }, {}] }, { type: "integer", oneOf: [{ const: 1 }, {}] }],
    [
      "that is the sum of others",
      { allOf: [{ type: "integer" }] },
      { type: "integer", allOf: [{ type: "integer" }], anyOf: [{ allOf: [{ type: "integer" }] }] },
    ],
  ])("%s gets one that forbids nothing", (_name, schema, expected) => {
    expect(repairedProp(schema)).toEqual(expected);
  });

  it("that is a union of lists or objects shows what is in them", () => {
    const list = { type: "array", items: { type: "integer" } };
    expect(repairedProp({ anyOf: [{ type: "null" }, list] })).toEqual({ ...list, anyOf: [{ type: "null" }, list] });
    const object = { type: "object", properties: { a: { type: "null" } } };
    expect(repairedProp({ oneOf: [object, { type: "null" }] })).toEqual({
      ...object,
      oneOf: [object, { type: "null" }],
    });
  });

  it("keeps being without one as an alternative", () => {
    const schema = { type: "object", properties: {}, anyOf: [{ required: ["a"] }, {}, { description: "d" }] };
    expect(repairedProp(schema)).toEqual(schema);
  });

  it("has that of what it refers to, with what is in it", () => {
    const target = { type: "object", properties: { a: { type: ["null", "integer"] } } };
    expect(repairedProp({ $ref: "#/$defs/A~1B" }, { "A/B": target })).toEqual({
      type: "object",
      $ref: "#/$defs/A~1B",
      properties: { a: { type: "integer", anyOf: [{ type: "null" }, { type: "integer" }] } },
    });
    expect(repairedProp({ $ref: "https://x/y" })).toEqual({ type: "string", $ref: "https://x/y" });
    expect(repairedProp({ $ref: "#/$defs/A" }, { A: { $ref: "#/$defs/A" } })).toEqual({
      type: "string",
      $ref: "#/$defs/A",
    });
  });

  it("that holds itself is shown once", () => {
    const tree = { type: "object", properties: { next: { $ref: "#/$defs/T" } } };
    expect(repairedProp({ $ref: "#/$defs/T" }, { T: tree })).toMatchObject({
      type: "object",
      properties: { next: { $ref: "#/$defs/T", type: "object", properties: expect.anything() } },
    });
    const list = { type: "array", items: { $ref: "#/$defs/L" } };
    expect(repairedProp({ $ref: "#/$defs/L" }, { L: list })).toMatchObject({ type: "array", items: expect.anything() });
  });
});

describe("a node with a list of types", () => {
  it.each<[string, Json, Json]>([
    ["one", { type: ["integer"] }, { type: "integer" }],
    ["one and null", { type: ["null", "string"] }, { type: "string", anyOf: [{ type: "null" }, { type: "string" }] }],
    [
      "with what concerns one of them",
      { type: ["string", "number", "null"], minLength: 1, minimum: 2, not: {}, title: "t" },
      {
        type: "string",
        minLength: 1,
        minimum: 2,
        not: {},
        title: "t",
        anyOf: [
          { type: "string", minLength: 1, not: {} },
          { type: "number", minimum: 2, not: {} },
          { type: "null", not: {} },
        ],
      },
    ],
    [
      "with values",
      { type: ["string", "null"], enum: ["a", null] },
      { type: "string", enum: ["a"], anyOf: [{ enum: ["a", null] }] },
    ],
    ["beside a union", { type: ["string", "null"], anyOf: STRING_OR_NULL }, { type: "string", anyOf: STRING_OR_NULL }],
  ])("%s has the first, and still allows them all", (_name, schema, expected) => {
    expect(repairedProp(schema)).toEqual(expected);
  });

  it.each<Json>([{ type: 7 }, { type: [] }, { type: [1, "string"] }, { type: null }])(
    "that is none is left: %j",
    (bad) => expect(repairedProp(bad)).toEqual(bad),
  );
});

describe("a node with a type", () => {
  it("has items as a list, and lists of any values stay allowed", () => {
    expect(repairedProp({ type: "array" })).toEqual({ type: "array", items: ANY, anyOf: [{ type: "array" }] });
    expect(repairedProp({ type: "array", items: [{ const: 1 }] })).toEqual({
      type: "array",
      items: ANY,
      anyOf: [{ type: "array", items: [{ const: 1 }] }],
    });
  });

  it("has properties as an object of which more is said, and all its members stay allowed", () => {
    expect(repairedProp({ type: "object" })).toEqual({ type: "object" });
    expect(repairedProp({ type: "object", additionalProperties: {} })).toEqual({
      type: "object",
      properties: {},
      additionalProperties: {},
      anyOf: [{ type: "object", additionalProperties: {} }],
    });
  });

  it("has no properties invented as the root: a tool may have no parameters", () => {
    const root = { $schema: "https://json-schema.org/draft-07", type: "object", additionalProperties: false };
    expect(repaired(root)).toEqual(root);
  });

  it("keeps its bytes where nothing is missing", () => {
    const text =
      '{ "type":"object",\t"properties" : {"a":{"type" :"string","enum":["x"], "default":{"items":{}}},' +
      '"b":{"type":"array","items":{"type":"number","maximum":9007199254740993}},"c":{"type":"object"}},' +
      '"required":["a"],"additionalProperties":false,"$defs":{"d":{"anyOf":[{}]}}}';
    expect(repairedText(text)).toBe(text);
    expect(repairedText(text, "boolean_schemas")).toBe(text);
  });
});

it("boolean schemas become objects, and booleans that are none stay", () => {
  const schema = {
    type: "object",
    properties: { a: true, b: { items: true, additionalProperties: false, default: true, const: false } },
    anyOf: [true, { not: false }],
    patternProperties: { x: true },
    additionalProperties: true,
  };
  expect(repaired(schema, "boolean_schemas")).toEqual({
    type: "object",
    properties: { a: {}, b: { items: {}, additionalProperties: false, default: true, const: false } },
    anyOf: [{}, { not: { not: {} } }],
    patternProperties: { x: {} },
    additionalProperties: true,
  });
});

/** Enough to see through a reference, and few enough for schemas that refer to themselves in many places. */
const MAX_REFERENCES = 1;

// What a grammar allows, in the order in which llama.cpp's converter looks at a node.
function allowed(schema: Json, root: Json, references = 0): string {
  if (!isSchema(schema)) return schema === false ? allowed({ not: {} }, root) : "any";
  const say = (child: Json | undefined): string => allowed(child ?? {}, root, references);
  const { $ref, type } = schema;
  if (typeof $ref === "string") {
    return references === MAX_REFERENCES ? $ref : allowed(resolved($ref, root) ?? {}, root, references + 1);
  }
  const union = schema["oneOf"] ?? schema["anyOf"];
  if (Array.isArray(union)) return anyOf(union.map(say));
  if (Array.isArray(type)) return anyOf(type.map((each) => say({ ...schema, type: each })));
  if ("const" in schema) return JSON.stringify(schema["const"]);
  if (Array.isArray(schema["enum"])) return anyOf(schema["enum"].map((each) => JSON.stringify(each)));
  return allowedByType(schema, say);
}

function allowedByType(schema: Schema, say: (child: Json | undefined) => string): string {
  const { type, properties, additionalProperties: more, allOf, items = schema["prefixItems"] } = schema;
  const may = (...types: string[]): boolean => type === undefined || types.includes(String(type));
  if (may("object") && (properties !== undefined || (more !== undefined && more !== true))) {
    const members = Object.entries((properties ?? {}) as Schema).map(([key, value]) => `${key}:${say(value)}`);
    const rest = more === true || isSchema(more) ? say(more) : "none";
    return `{${members.join()}|${rest}|${JSON.stringify(schema["required"] ?? [])}}`;
  }
  if (may("object", "string") && Array.isArray(allOf)) return `all(${allOf.map(say).join()})`;
  if (may("array") && items !== undefined) {
    if (Array.isArray(items)) return `[${items.map(say).join()}]`;
    return listOf(say(items), schema);
  }
  if (may("string") && "pattern" in schema) return `/${schema["pattern"]}/`;
  if (type === "string" && "minLength" in schema) return `string ${schema["minLength"]}`;
  if (type === "integer" && "minimum" in schema) return `integer ${schema["minimum"]}`;
  if (type === "array") return listOf("any", {});
  return type === undefined ? "any" : String(type);
}

const listOf = (items: string, { minItems = 0 }: Schema): string => `[${minItems}*${items}]`;
const isSchema = (value: Json | undefined): value is Schema =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const anyOf = (choices: readonly string[]): string => [...new Set(choices)].sort().join("|");
const resolved = (ref: string, root: Json): Json | undefined =>
  isSchema(root) && isSchema(root["$defs"]) ? root["$defs"][ref.slice("#/$defs/".length)] : undefined;

const { schema: schemas } = fc.letrec<{ schema: Schema; slot: Json }>((tie) => {
  const slot = tie("slot");
  const map = fc.dictionary(fc.constantFrom("a", "b", "type"), slot, { maxKeys: 2 }) as fc.Arbitrary<Json>;
  const list = fc.array(slot, { minLength: 1, maxLength: 2 }) as fc.Arbitrary<Json>;
  const name = fc.constantFrom("string", "integer", "null", "object", "array", "boolean");
  const names = fc.uniqueArray(name, { minLength: 1, maxLength: 3 });
  const values = fc.array(fc.constantFrom<Json>("v", 1, 2.5, null, true), { minLength: 1, maxLength: 3 });
  const keyword = (key: string, value: fc.Arbitrary<Json>): fc.Arbitrary<[string, Json]> =>
    value.map((each) => [key, each]);
  const plain: Readonly<Record<string, fc.Arbitrary<Json>>> = {
    type: fc.oneof<fc.Arbitrary<Json>[]>(name, names),
    description: fc.constant("d"),
    $ref: fc.constantFrom("#/$defs/a", "#/$defs/b"),
    enum: values,
    const: fc.constantFrom<Json>("c", 3, null),
    minimum: fc.nat(9),
    minLength: fc.nat(9),
    minItems: fc.nat(9),
    pattern: fc.constant("^p$"),
    required: fc.constant(["a"]),
  };
  const nested: Readonly<Record<string, fc.Arbitrary<Json>>> = {
    properties: map,
    items: fc.oneof<fc.Arbitrary<Json>[]>(slot, list),
    prefixItems: list,
    additionalProperties: slot,
    anyOf: list,
    oneOf: list,
    allOf: list,
    not: slot,
  };
  const keywords = [...Object.entries(plain), ...Object.entries(nested)].map(([key, value]) => keyword(key, value));
  return {
    slot: fc.oneof({ maxDepth: 3, depthIdentifier: "schema" }, fc.boolean(), tie("schema")),
    schema: fc.array(fc.oneof(...keywords), { maxLength: 4 }).map((pairs): Schema => Object.fromEntries(pairs)),
  };
});

const roots = fc.tuple(schemas, schemas, schemas, fc.array(schemas, { maxLength: 3 })).map(
  ([root, a, b, more]): Schema => ({
    ...root,
    properties: Object.fromEntries(more.map((each, index) => [`p${index}`, each])),
    $defs: { a, b },
  }),
);

describe("whatever a schema says", () => {
  it("a grammar of its repaired form allows the same", () => {
    fc.assert(
      fc.property(roots, fc.constantFrom<SchemaLimit>("loose_types", "boolean_schemas"), (root, limit) => {
        const before = allowed(root, root);
        expect(allowed(repaired(root, limit), root)).toBe(before);
      }),
      { numRuns: 500 },
    );
  });

  it("every parameter has a type that is a string, and the part that templates read of it", () => {
    fc.assert(
      fc.property(roots, (root) => {
        for (const node of parametersOf(repaired(root))) {
          if (JSON.stringify(node) === '{"not":{}}') continue;
          expect(node["type"]).toBeTypeOf("string");
          if (node["type"] === "array") expect(isSchema(node["items"])).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });
});

/** What templates walk through: properties and items, at any depth. */
function parametersOf(schema: Schema): Schema[] {
  const { properties, items } = schema;
  const children = [...(isSchema(properties) ? Object.values(properties) : []), ...(isSchema(items) ? [items] : [])];
  return [...children.filter(isSchema), ...children.filter(isSchema).flatMap(parametersOf)];
}
