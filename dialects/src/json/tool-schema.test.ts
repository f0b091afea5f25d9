import { describe, expect, it } from "vitest";
import { repairTools } from "./tool-schema.js";

const body = (tools: unknown, name = "tools"): string => JSON.stringify({ model: "m", [name]: tools });
const chatTool = (parameters: unknown): object => ({ type: "function", function: { name: "f", parameters } });

describe("the homes of a schema", () => {
  const bare = { properties: {} };
  const full = { type: "object", properties: {} };
  const repaired = (entry: object, name = "tools"): unknown =>
    JSON.parse(repairTools(body([entry], name), "loose_types") ?? "{}")[name]?.[0];

  it("are function.parameters, flat parameters and input_schema", () => {
    expect(repaired({ function: { parameters: bare } })).toEqual({ function: { parameters: full } });
    expect(repaired({ name: "f", parameters: bare })).toEqual({ name: "f", parameters: full });
    expect(repaired({ name: "f", input_schema: bare })).toEqual({ name: "f", input_schema: full });
  });

  it("are the parameters of OpenAI's functions of before", () => {
    expect(repaired({ name: "f", parameters: bare }, "functions")).toEqual({ name: "f", parameters: full });
  });

  it("leave out flat parameters beside an object function", () => {
    expect(repaired({ function: { name: "f" }, parameters: bare })).toBeUndefined();
    expect(repaired({ function: "f", parameters: bare })).toEqual({ function: "f", parameters: full });
  });

  it("have nothing invented on them", () => {
    for (const entry of [{ type: "function", function: { name: "f" } }, { parameters: {} }, { parameters: null }, 7]) {
      expect(repairTools(body([entry]), "loose_types")).toBeUndefined();
    }
  });
});

describe("the rest of the body", () => {
  it("survives exactly: digits, order of members, white space, bytes that are no characters", () => {
    const text = `{ "seed" : 9007199254740993,\n "t":0.30000000000000004,
      "tools":[ {"function":{ "parameters":{"properties" : {"\xe9\x85":{ "maximum":9007199254740993 , "type":["integer"]}}}}} ],
      "z" : "\\u00e9\\/\xff" }`;
    expect(repairTools(text, "loose_types")).toBe(
      text.replace('{"properties" :', '{"type":"object","properties" :').replace('["integer"]', '"integer"'),
    );
  });

  it("may be as large as it likes: only the tools are bounded", () => {
    const picture = `{"messages":"${"x".repeat(5 * 2 ** 20)}","tools":[{"parameters":{"properties":{}}}]}`;
    expect(repairTools(picture, "loose_types")).toBe(picture.replace('{"properties"', '{"type":"object","properties"'));
  });

  it.each([
    ["no tools", '{"model":"m"}'],
    ["tools that need nothing", body([chatTool({ type: "object", properties: { a: { type: "string" } } })])],
    ["tools that are no list", '{"tools":{"function":{"parameters":{"properties":{}}}}}'],
    ["tools twice", '{"tools":[{"parameters":{"properties":{}}}],"tools":[]}'],
    ["a name twice in a schema", '{"tools":[{"parameters":{"properties":{},"properties":{}}}]}'],
    ["tools only inside", '{"a":{"tools":[{"parameters":{"properties":{}}}]}}'],
    ["tools of more than 4 MiB", body([{ parameters: { properties: {} }, description: "x".repeat(4 * 2 ** 20) }])],
    ["a schema nested too deep", `{"tools":[{"parameters":${'{"items":'.repeat(70)}{}${"}".repeat(70)}}]}`],
    ["more to add than may be added", `{"tools":[{"parameters":{"properties":{${manyMembers(150_000)}}}}]}`],
    ["no JSON", '{"tools":[{"parameters":{"properties":{}}]}'],
  ])("is left alone where there are %s", (_name, text) => {
    expect(repairTools(text, "loose_types")).toBeUndefined();
  });
});

it.each([
  ["many tools", `{"tools":[${'{"parameters":{"properties":{}}},'.repeat(60_000)}0]}`],
  ["many references", manyReferences(20_000)],
  ["references that double at each step", doublingReferences(60)],
  ["one long union", `{"tools":[{"parameters":{"anyOf":[${'{"type":"null"},'.repeat(100_000)}1]}}]}`],
  ["lists of types within each other", `{"tools":[{"parameters":${nestedLists(12)}}]}`],
  ["many members", `{"tools":[{"parameters":{"properties":{${manyMembers(60_000)}}}}]}`],
  ["brackets that nothing closes", `{"tools":${"[".repeat(1_000_000)}`],
])("takes linear time for %s", (_name, text) => {
  const before = process.cpuUsage();
  repairTools(text, "loose_types");
  // Quadratic time would be minutes.
  expect(process.cpuUsage(before).user).toBeLessThan(5_000_000);
});

/** Each definition refers to the next. */
function manyReferences(count: number): string {
  const defs = Array.from({ length: count }, (_, i) => [
    `d${i}`,
    { properties: { next: { $ref: `#/$defs/d${i + 1}` } } },
  ]);
  const properties = Object.fromEntries(defs.map(([name]) => [name, { $ref: `#/$defs/${String(name)}` }]));
  return body([chatTool({ type: "object", properties, $defs: Object.fromEntries(defs) })]);
}

/** Each definition refers to the next twice: shown in full, the first one would have no end. */
function doublingReferences(count: number): string {
  const defs = Array.from({ length: count }, (_, i) => {
    const next = { $ref: `#/$defs/d${i + 1}` };
    return [`d${i}`, { type: "object", properties: { a: next, b: next } }];
  });
  return body([
    chatTool({ type: "object", properties: { x: { $ref: "#/$defs/d0" } }, $defs: Object.fromEntries(defs) }),
  ]);
}

function nestedLists(levels: number): string {
  let schema: object = { type: ["object", "null"], properties: {} };
  for (let level = 0; level < levels; level++)
    schema = { type: ["object", "null"], properties: { a: schema, b: schema } };
  return JSON.stringify(schema);
}

function manyMembers(count: number): string {
  return Array.from({ length: count }, (_, i) => `"p${i}":{}`).join(",");
}

it("walks no reference that is longer than any generator writes", () => {
  const properties = { x: { $ref: `#/${"~1".repeat(600)}` } };
  const schema = { type: "object", properties, ["/".repeat(600)]: { type: "number" } };
  expect(JSON.parse(repairTools(body([chatTool(schema)]), "loose_types") ?? "")).toMatchObject({
    tools: [{ function: { parameters: { properties: { x: { type: "string" } } } } }],
  });
});
