import { type JsonMember, type JsonObjectText, readMembers } from "./json-members.js";
import { type JsonArray, type JsonNode, type JsonObject, readNode } from "./json-nodes.js";
import { MAX_JSON_DEPTH, type Splice, splice } from "./json-text.js";

/**
 * Bodies over this size are left alone, characters: tool definitions are kilobytes, so a larger body is mostly prompt.
 * Nor does a repair add more than this.
 */
const MAX_REPAIRED_LENGTH = 4 * 1024 * 1024;

/** What is to change in a body so that its tool schemas are fit for every chat template. */
export interface ToolRepair {
  readonly splices: readonly Splice[];
  /** Every schema was read, so that what needed a repair is in `splices`. */
  readonly complete: boolean;
}

const LEFT_ALONE: ToolRepair = { splices: [], complete: false };

/**
 * Gives every schema node of every tool a string `type`. Chat templates apply `| upper` to it, and fail on the array
 * types and missing types that JSON Schema allows. Nothing else in the body changes, and on any doubt nothing at all.
 *
 * @param text a JSON object that `JSON.parse` accepts
 */
export function repairToolSchemas(text: string): string {
  if (!text.includes('"tools"')) return text;
  const result = readMembers(text);
  return result.type === "object" ? splice(text, toolRepair(result.object).splices) : text;
}

/** The repair of a body whose top-level members are known already. */
export function toolRepair({ text, members }: JsonObjectText): ToolRepair {
  const tools = members.filter((member) => member.key === "tools");
  if (tools.length !== 1 || text.length > MAX_REPAIRED_LENGTH) return LEFT_ALONE;
  const entries = readNode(text, (tools[0] as JsonMember).start);
  if (entries?.kind !== "array") return LEFT_ALONE;
  const splices: Splice[] = [];
  for (const home of entries.items.flatMap(schemaHomes)) new SchemaRepair(home, splices).run();
  const addedLength = splices.reduce((sum, { text: added }) => sum + added.length, 0);
  return addedLength > MAX_REPAIRED_LENGTH ? LEFT_ALONE : { splices, complete: true };
}

/** Where a tool entry keeps its schema: chat completions, the flat form of responses, messages. */
function schemaHomes(entry: JsonNode): JsonObject[] {
  if (entry.kind !== "object") return [];
  const wrapper = entry.members.get("function");
  const owner = wrapper?.kind === "object" ? wrapper : entry;
  const homes = [owner.members.get("parameters"), entry.members.get("input_schema")];
  return homes.filter((home) => home?.kind === "object");
}

/** Keywords whose value is an object of schemas by name. */
const SCHEMA_MAPS = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];
/** Keywords whose value is a list of schemas. */
const UNIONS = ["anyOf", "oneOf", "allOf"];
const SCHEMA_LISTS = [...UNIONS, "prefixItems", "items"];
/** Keywords whose value is one schema. */
const SINGLE_SCHEMAS = ["items", "additionalProperties", "not", "if", "then", "else"];

/** A root with none of these is no schema yet: `parameters: {}` stays as it is. Below it, the place makes a schema. */
const SCHEMA_MARKS = [
  ...["type", "enum", "const", "description", "title", "required", "default", "format", "$ref"],
  ...SCHEMA_MAPS,
  ...SCHEMA_LISTS,
  ...SINGLE_SCHEMAS,
];

/** Longer than any reference that a generator of schemas writes, characters. Each is walked step by step. */
const MAX_REFERENCE_LENGTH = 1_024;

/** Repairs one schema, from its root down. */
class SchemaRepair {
  readonly #root: JsonObject;
  readonly #splices: Splice[];
  readonly #types = new Map<JsonObject, string>();

  constructor(root: JsonObject, splices: Splice[]) {
    this.#root = root;
    this.#splices = splices;
  }

  run(): void {
    if (!SCHEMA_MARKS.some((mark) => this.#root.members.has(mark))) return;
    for (const schema of innermostFirst(this.#root)) this.#repair(schema);
  }

  #repair(schema: JsonObject): void {
    const type = schema.members.get("type");
    if (type === undefined) this.#insertType(schema);
    else if (type.kind !== "string") this.#replaceType(schema, type);
  }

  #insertType(schema: JsonObject): void {
    const at = schema.start + 1;
    const comma = schema.members.size > 0 ? "," : "";
    this.#splices.push({ start: at, end: at, text: `"type":${JSON.stringify(this.#typeOf(schema))}${comma}` });
  }

  #replaceType(schema: JsonObject, type: JsonNode): void {
    const nullable = allowsNull(type) && !schema.members.has("nullable") ? ',"nullable":true' : "";
    this.#splices.push({
      start: type.start,
      end: type.end,
      text: JSON.stringify(this.#typeOf(schema)) + nullable,
    });
  }

  /**
   * The type that a schema has when it is repaired. Each is found once. A reference back to itself says nothing, and
   * neither does a chain of them that is longer than any schema is deep.
   */
  #typeOf(schema: JsonObject, hops = 0): string {
    const known = this.#types.get(schema);
    if (known !== undefined) return known;
    if (hops > MAX_JSON_DEPTH) return "string";
    this.#types.set(schema, "string");
    const type = declaredType(schema) ?? this.#structuralType(schema, hops + 1);
    this.#types.set(schema, type);
    return type;
  }

  #structuralType(schema: JsonObject, hops: number): string {
    const { members } = schema;
    if (members.has("properties") || members.has("additionalProperties")) return "object";
    if (members.has("items")) return "array";
    for (const keyword of UNIONS) {
      const type = this.#firstConcrete(members.get(keyword), hops);
      if (type !== undefined) return type;
    }
    const target = this.#resolve(members.get("$ref"));
    return target === undefined ? "string" : this.#typeOf(target, hops);
  }

  #firstConcrete(union: JsonNode | undefined, hops: number): string | undefined {
    if (union?.kind !== "array") return undefined;
    for (const variant of union.items) {
      if (variant.kind !== "object") continue;
      const type = this.#typeOf(variant, hops);
      if (type !== "null") return type;
    }
    return undefined;
  }

  /** The schema that a reference into this same schema (`#/$defs/Address`) means. */
  #resolve(reference: JsonNode | undefined): JsonObject | undefined {
    if (reference?.kind !== "string" || !reference.value.startsWith("#")) return undefined;
    if (reference.value.length > MAX_REFERENCE_LENGTH) return undefined;
    let node: JsonNode | undefined = this.#root;
    for (const step of reference.value.split("/").slice(1)) {
      const name = step.replaceAll("~1", "/").replaceAll("~0", "~");
      node = node?.kind === "object" ? node.members.get(name) : undefined;
    }
    return node?.kind === "object" ? node : undefined;
  }
}

/** A schema and all that it holds, each behind its own parts. */
function* innermostFirst(root: JsonObject): Generator<JsonObject> {
  const open = [{ schema: root, children: childrenOf(root).values() }];
  for (let last = open.at(-1); last !== undefined; last = open.at(-1)) {
    const next = last.children.next();
    if (next.done) {
      open.pop();
      yield last.schema;
    } else {
      open.push({ schema: next.value, children: childrenOf(next.value).values() });
    }
  }
}

function childrenOf({ members }: JsonObject): JsonObject[] {
  const children: JsonNode[] = [];
  for (const keyword of SCHEMA_MAPS) {
    const map = members.get(keyword);
    if (map?.kind === "object") for (const child of map.members.values()) children.push(child);
  }
  for (const keyword of SCHEMA_LISTS) {
    const list = members.get(keyword);
    if (list?.kind === "array") for (const child of list.items) children.push(child);
  }
  for (const keyword of SINGLE_SCHEMAS) {
    const child = members.get(keyword);
    if (child !== undefined) children.push(child);
  }
  return children.filter((child) => child.kind === "object");
}

/** What the `type` keyword says, as one string; `undefined` where it says nothing that is fit to be a type. */
function declaredType(schema: JsonObject): string | undefined {
  const type = schema.members.get("type");
  if (type?.kind === "string") return type.value;
  if (type?.kind !== "array") return undefined;
  const names = namesIn(type);
  return names.find((name) => name !== "null") ?? names[0];
}

/** A list of types that holds `"null"` beside another one. */
function allowsNull(type: JsonNode): boolean {
  if (type.kind !== "array") return false;
  const names = namesIn(type);
  return names.includes("null") && names.some((name) => name !== "null");
}

function namesIn(type: JsonArray): string[] {
  return type.items.filter((item) => item.kind === "string").map((item) => item.value);
}
