import type { JsonNode, JsonObject } from "./json-nodes.js";
import { MAX_JSON_DEPTH } from "./json-text.js";

/** Longer than any reference that a generator of schemas writes, characters. Each is walked step by step. */
const MAX_REFERENCE_LENGTH = 1_024;

/** Keywords that tell the type of a node that does not say it, the telling ones first. */
const TELLING: readonly (readonly [string, string])[] = [
  ["properties", "object"],
  ["items", "array"],
  ["prefixItems", "array"],
];
const HINTS: readonly (readonly [string, readonly string[]])[] = [
  ["string", ["pattern", "format", "minLength", "maxLength"]],
  ["number", ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]],
  ["array", ["minItems", "maxItems", "uniqueItems", "contains"]],
  [
    "object",
    ["required", "additionalProperties", "patternProperties", "propertyNames", "minProperties", "maxProperties"],
  ],
];

/** Finds out what type the values of a schema's nodes have, from all that the nodes say. */
export class SchemaTypes {
  readonly #text: string;
  readonly #root: JsonObject;
  readonly #known = new Map<JsonObject, string | undefined>();

  constructor(text: string, root: JsonObject) {
    this.#text = text;
    this.#root = root;
  }

  /**
   * One type that values of this node may have, `null` only where there is no other; `undefined` where the node says
   * nothing of it. A reference back to itself says nothing, nor does a chain of them that is longer than any schema is
   * deep.
   */
  typeOf(schema: JsonNode, hops = 0): string | undefined {
    if (schema.kind !== "object" || hops > MAX_JSON_DEPTH) return undefined;
    if (this.#known.has(schema)) return this.#known.get(schema);
    this.#known.set(schema, undefined);
    const type = this.#typeIn(schema, hops + 1);
    this.#known.set(schema, type);
    return type;
  }

  /** The node that has the part (`items`, `properties`) by which the values of this one go. */
  structureOf(schema: JsonNode | undefined, part: string, hops = 0): JsonObject | undefined {
    if (schema?.kind !== "object" || hops > MAX_JSON_DEPTH) return undefined;
    const { members } = schema;
    if (members.has(part)) return schema;
    const target = this.#resolve(members.get("$ref"));
    if (target !== undefined) return this.structureOf(target, part, hops + 1);
    const type = part === "items" ? "array" : "object";
    const alternatives = ["oneOf", "anyOf", "allOf"].flatMap((key) => itemsIn(members.get(key)));
    const chosen = alternatives.find((alternative) => this.typeOf(alternative, hops + 1) === type);
    return this.structureOf(chosen, part, hops + 1);
  }

  #typeIn(schema: JsonObject, hops: number): string | undefined {
    const { members } = schema;
    const declared = declaredType(members.get("type"));
    if (declared !== undefined) return declared;
    const target = this.#resolve(members.get("$ref"));
    if (target !== undefined) return this.typeOf(target, hops);
    return (
      this.#firstOf(["oneOf", "anyOf"], schema, hops) ??
      this.#typeOfValues(schema) ??
      TELLING.find(([keyword]) => members.has(keyword))?.[1] ??
      this.#firstOf(["allOf"], schema, hops) ??
      HINTS.find(([, keywords]) => keywords.some((keyword) => members.has(keyword)))?.[0] ??
      this.typeOfValue(members.get("default"))
    );
  }

  #firstOf(unions: readonly string[], { members }: JsonObject, hops: number): string | undefined {
    const types = unions.flatMap((key) => itemsIn(members.get(key)).map((each) => this.typeOf(each, hops)));
    return firstTelling(types);
  }

  #typeOfValues({ members }: JsonObject): string | undefined {
    const constant = members.get("const");
    if (constant !== undefined) return this.typeOfValue(constant);
    return firstTelling(itemsIn(members.get("enum")).map((value) => this.typeOfValue(value)));
  }

  /** The type of a value itself; whole numbers are `integer`. */
  typeOfValue(value: JsonNode | undefined): string | undefined {
    if (value === undefined || value.kind !== "plain") return value?.kind;
    const word = this.#text.slice(value.start, value.end);
    if (word === "null") return "null";
    if (word === "true" || word === "false") return "boolean";
    return /^-?\d+$/.test(word) ? "integer" : "number";
  }

  /** The schema that a reference into this same schema (`#/$defs/Address`) means. */
  #resolve(reference: JsonNode | undefined): JsonObject | undefined {
    if (reference?.kind !== "string" || !reference.value.startsWith("#")) return undefined;
    if (reference.value.length > MAX_REFERENCE_LENGTH) return undefined;
    let node: JsonNode | undefined = this.#root;
    for (const step of reference.value.split("/").slice(1)) {
      const name = step.replaceAll("~1", "/").replaceAll("~0", "~");
      if (node?.kind === "array") node = node.items[Number(name)];
      else node = node?.kind === "object" ? node.members.get(name) : undefined;
    }
    return node?.kind === "object" ? node : undefined;
  }
}

/** What the `type` keyword says, as one string. */
function declaredType(type: JsonNode | undefined): string | undefined {
  if (type?.kind === "string") return type.value;
  return firstTelling(itemsIn(type).map((item) => (item.kind === "string" ? item.value : undefined)));
}

function firstTelling(types: readonly (string | undefined)[]): string | undefined {
  return types.find((type) => type !== undefined && type !== "null") ?? types.find((type) => type !== undefined);
}

const itemsIn = (list: JsonNode | undefined): readonly JsonNode[] => (list?.kind === "array" ? list.items : []);
