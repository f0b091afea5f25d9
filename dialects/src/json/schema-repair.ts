import type { JsonArray, JsonNode, JsonObject } from "./json-nodes.js";
import { type Splice, splice } from "./json-text.js";
import { SchemaTypes } from "./schema-types.js";

/**
 * What a server cannot read of JSON Schema.
 *
 * - `boolean_schemas`: `true` and `false` in the place of a schema
 * - `loose_types`: nodes whose `type` is missing or a list, arrays without `items`, objects without `properties`. Chat
 *   templates read them (`type | upper`, `type in …`), and fail or print nonsense
 */
export type SchemaLimit = "boolean_schemas" | "loose_types";

/** Any value at all, for who cannot read `true`. */
const ANY = "{}";
const NOTHING = '{"not":{}}';
/** Any value at all, for who must read a type. */
const ANY_WITH_TYPE = '{"type":"string","anyOf":[{}]}';

/** Keywords whose value is an object of schemas by name, a list of schemas, or one schema. */
const SCHEMA_MAPS = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];
const SCHEMA_LISTS = ["anyOf", "oneOf", "allOf", "prefixItems", "items"];
const SINGLE_SCHEMAS = ["items", "contains", "additionalItems", "propertyNames", "not", "if", "then", "else"];
/** `true` and `false` are read here everywhere. */
const OBJECT_OR_BOOLEAN = ["additionalProperties", "unevaluatedProperties", "unevaluatedItems"];

/** What servers go by before they look at `type`, in the order in which they do. */
const STRONGER_THAN_TYPE = ["$ref", "oneOf", "anyOf", "const", "enum"];

/** Keywords that allow and forbid nothing. */
const ANNOTATIONS = new Set([
  ...["title", "description", "default", "examples", "example", "deprecated", "readOnly", "writeOnly", "nullable"],
  ...["$comment", "$schema", "$id", "$defs", "definitions"],
]);

/** Keywords that say something of values of one type only. */
const KEYWORDS_OF: Readonly<Record<string, readonly string[]>> = {
  object: [
    ...["properties", "patternProperties", "additionalProperties", "unevaluatedProperties", "propertyNames"],
    ...["required", "minProperties", "maxProperties", "dependentRequired", "dependentSchemas"],
  ],
  array: [
    ...["items", "prefixItems", "additionalItems", "unevaluatedItems", "contains", "minItems", "maxItems"],
    ...["uniqueItems", "minContains", "maxContains"],
  ],
  string: ["pattern", "format", "minLength", "maxLength", "contentEncoding", "contentMediaType"],
  number: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
};
const OWNER = new Map(Object.entries(KEYWORDS_OF).flatMap(([type, keys]) => keys.map((key) => [key, type] as const)));

/** What a template expects in a node of a type. */
const PART_OF: Readonly<Record<string, string>> = { array: "items", object: "properties" };
/** What says of one part how it is, where a node says it of another one. */
const STAND_INS: Readonly<Record<string, string>> = { array: ANY_WITH_TYPE, object: ANY };

/** A part that is longer than this is not shown a second time, characters. */
const MAX_REPEATED_LENGTH = 16 * 1024;
/** Nodes that are shown within each other. References lead further than the text is nested. */
const MAX_OPEN_NODES = 64;

/** Thrown where a repair would add more than is allowed. */
export class RepairTooLarge extends Error {}

/** What a node lacks for those who read its type. */
interface Addition {
  readonly type: string;
  /** Whose `items` or `properties` describe the values, where the node has none of its own. */
  readonly like?: JsonObject | undefined;
  /** What is allowed, where the type alone would forbid some of it. */
  readonly allowed?: string;
  /** The `enum` beside the type, where some of its values have another one. */
  readonly values?: string;
}

/**
 * Rewrites one schema for a server with limits. What a grammar made from it allows stays the same: servers go by a
 * union before they look at the type beside it, and so what was allowed stands in a union, where a type that has been
 * added would say less. Everything else keeps its bytes.
 */
export class SchemaRepair {
  readonly #text: string;
  readonly #root: JsonObject;
  readonly #types: SchemaTypes;
  readonly #plain = new Map<JsonObject, string>();
  readonly #typed = new Map<JsonObject, string>();
  readonly #open = new Set<JsonObject>();
  #budget: number;

  /** @param maxAdded what all that is added may come to, characters */
  constructor(text: string, root: JsonObject, maxAdded: number) {
    this.#text = text;
    this.#root = root;
    this.#types = new SchemaTypes(text, root);
    this.#budget = maxAdded;
  }

  /** The schema's text; its own where nothing is to be done. @throws RepairTooLarge */
  for(limit: SchemaLimit): string {
    return limit === "boolean_schemas" ? this.#plainText(this.#root) : this.#typedText(this.#root, false);
  }

  #slice({ start, end }: JsonNode): string {
    return this.#text.slice(start, end);
  }

  #plainText(schema: JsonNode): string {
    if (schema.kind === "plain") return this.#booleanAs(schema, ANY);
    if (schema.kind !== "object") return this.#slice(schema);
    const known = this.#plain.get(schema);
    if (known !== undefined) return known;
    const text = this.#rewrite(
      schema,
      this.#inner(schema, (child) => this.#plainText(child)),
    );
    this.#plain.set(schema, text);
    return text;
  }

  #booleanAs(schema: JsonNode, any: string): string {
    const word = this.#slice(schema);
    return word === "true" ? any : word === "false" ? NOTHING : word;
  }

  /** @param inUnion it is an alternative: one that says nothing of the type leaves that to what is around it */
  #typedText(schema: JsonNode, inUnion: boolean): string {
    if (schema.kind === "plain") return this.#booleanAs(schema, inUnion ? ANY : ANY_WITH_TYPE);
    if (schema.kind !== "object") return this.#slice(schema);
    const known = this.#typed.get(schema);
    if (known !== undefined) return known;
    // A reference has led to what is around this one.
    if (this.#open.has(schema)) return this.#plainText(schema);
    this.#open.add(schema);
    const inner = this.#inner(schema, (child, keyword) => this.#typedChild(child, keyword));
    const addition = this.#additionTo(schema, inUnion);
    const added = addition === undefined ? [] : this.#added(schema, addition);
    const text = this.#rewrite(schema, [...inner.filter((each) => !added.some(around(each))), ...added]);
    this.#open.delete(schema);
    this.#typed.set(schema, text);
    return text;
  }

  /** Templates read the types of parameters, of their parts and alternatives, and of nothing else. */
  #typedChild(child: JsonNode, keyword: string): string {
    switch (keyword) {
      case "properties":
      case "items":
        return this.#typedText(child, false);
      case "anyOf":
      case "oneOf":
        return this.#typedText(child, true);
    }
    return this.#plainText(child);
  }

  /** The changes within a node. */
  #inner(schema: JsonObject, textOf: (child: JsonNode, keyword: string) => string): Splice[] {
    const splices: Splice[] = [];
    for (const { child, keyword } of childrenOf(schema)) {
      const text = textOf(child, keyword);
      if (text !== this.#slice(child)) splices.push({ start: child.start, end: child.end, text });
    }
    return splices;
  }

  #rewrite(schema: JsonObject, splices: readonly Splice[]): string {
    const { start } = schema;
    const own = splices.map((each) => ({ ...each, start: each.start - start, end: each.end - start }));
    return splice(this.#slice(schema), own);
  }

  #additionTo(schema: JsonObject, inUnion: boolean): Addition | undefined {
    const type = schema.members.get("type");
    if (type?.kind === "string") return this.#partOf(schema, type.value);
    if (type === undefined) return this.#typeFor(schema, inUnion);
    return type.kind === "array" ? this.#oneOf(schema, type) : undefined;
  }

  /** For a node with a type: the part that a template expects. */
  #partOf(schema: JsonObject, type: string): Addition | undefined {
    const part = PART_OF[type];
    if (part === undefined || hasPart(schema, part)) return undefined;
    // A root without properties is a tool without parameters, and read as that.
    if (type === "object" && (schema === this.#root || !readAsParameters(schema))) return undefined;
    const like = this.#types.structureOf(schema, part);
    if (isDecidedBefore(schema)) return { type, like };
    return { type, like, allowed: `[${this.#constraints(schema, () => true)}]` };
  }

  /** For a node with a list of types: the first one, and a union of them all where no stronger word is there. */
  #oneOf(schema: JsonObject, list: JsonArray): Addition | undefined {
    const names = list.items.flatMap((item) => (item.kind === "string" ? [item.value] : []));
    const type = names.find((name) => name !== "null") ?? names[0];
    if (type === undefined || names.length < list.items.length) return undefined;
    if (names.length === 1) return this.#partOf(schema, type) ?? { type };
    if (isDecidedBefore(schema)) return { type, ...this.#oneKindOfValues(schema, type) };
    const alternatives = names.map((name) => {
      const say = (key: string): boolean => key !== "type" && [undefined, kindOf(name)].includes(OWNER.get(key));
      return this.#constraints(schema, say, JSON.stringify(name));
    });
    return { type, allowed: `[${alternatives.join(",")}]` };
  }

  /** For a node without a type. An alternative keeps what it says: the type of all of them stands beside the union. */
  #typeFor(schema: JsonObject, inUnion: boolean): Addition | undefined {
    if (inUnion) return undefined;
    const type = this.#types.typeOf(schema) ?? "string";
    const part = PART_OF[type];
    const like = part === undefined ? undefined : this.#types.structureOf(schema, part);
    if (isDecidedBefore(schema)) return { type, like, ...this.#oneKindOfValues(schema, type) };
    if (impliesItsType(schema)) return { type };
    return { type, like, allowed: `[${this.#constraints(schema, () => true)}]` };
  }

  /** Templates join the values of a type, and fail at one that has another type. */
  #oneKindOfValues(schema: JsonObject, type: string): Pick<Addition, "allowed" | "values"> {
    const list = schema.members.get("enum");
    if (list?.kind !== "array") return {};
    const fit = list.items.filter((value) => kindOf(this.#types.typeOfValue(value)) === kindOf(type));
    if (fit.length === list.items.length) return {};
    const values = `[${fit.map((value) => this.#slice(value)).join(",")}]`;
    const stronger = STRONGER_THAN_TYPE.some((key) => key !== "enum" && schema.members.has(key));
    return stronger ? { values } : { values, allowed: `[{"enum":${this.#slice(list)}}]` };
  }

  /** What a node demands, as a schema of its own. */
  #constraints({ members }: JsonObject, has: (key: string) => boolean, type?: string): string {
    const kept = type === undefined ? [] : [`"type":${type}`];
    for (const [key, node] of members) {
      if (!ANNOTATIONS.has(key) && has(key)) kept.push(`${JSON.stringify(key)}:${this.#memberText(key, node)}`);
    }
    return `{${kept.join(",")}}`;
  }

  /** A member's value without boolean schemas. */
  #memberText(key: string, value: JsonNode): string {
    const children = schemasIn(key, value);
    const splices = children.map((child) => ({
      start: child.start - value.start,
      end: child.end - value.start,
      text: this.#plainText(child),
    }));
    return splice(this.#slice(value), splices);
  }

  #added(schema: JsonObject, { type, like, allowed, values }: Addition): Splice[] {
    const { members } = schema;
    const before: string[] = [];
    const splices: Splice[] = [];
    const set = (key: string, text: string): void => {
      const member = members.get(key);
      if (member === undefined) before.push(`"${key}":${text}`);
      else splices.push({ start: member.start, end: member.end, text });
    };
    if (members.get("type")?.kind !== "string") set("type", JSON.stringify(type));
    const part = PART_OF[type];
    const mayHave = allowed !== undefined || isDecidedBefore(schema);
    if (part !== undefined && mayHave && !hasPart(schema, part)) set(part, this.#shown(type, part, like));
    if (values !== undefined) set("enum", values);
    if (allowed !== undefined) set("anyOf", allowed);
    const comma = members.size > 0 ? "," : "";
    const at = schema.start + 1;
    const text = before.length === 0 ? "" : before.join(",") + comma;
    this.#budget -= text.length;
    if (this.#budget < 0) throw new RepairTooLarge();
    if (text !== "") splices.push({ start: at, end: at, text });
    return splices;
  }

  /** The part of another node, repeated for the template. One that holds itself, or is long, is only stood in for. */
  #shown(type: string, part: string, like: JsonObject | undefined): string {
    const standIn = STAND_INS[type] as string;
    const node = like?.members.get(part);
    if (like === undefined || node?.kind !== "object" || this.#open.has(like) || this.#open.has(node)) return standIn;
    if (this.#open.size > MAX_OPEN_NODES) return standIn;
    if (part === "items") return withinBounds(this.#typedText(node, false)) ?? standIn;
    this.#open.add(like);
    const splices = [...node.members.values()].map((child) => ({
      start: child.start - node.start,
      end: child.end - node.start,
      text: child.kind === "object" && this.#open.has(child) ? ANY_WITH_TYPE : this.#typedText(child, false),
    }));
    this.#open.delete(like);
    return withinBounds(splice(this.#slice(node), splices)) ?? standIn;
  }
}

const withinBounds = (text: string): string | undefined => (text.length > MAX_REPEATED_LENGTH ? undefined : text);

const kindOf = (type: string | undefined): string | undefined => (type === "integer" ? "number" : type);

/** A list of `items`, one for each place, is not what templates expect. */
const hasPart = ({ members }: JsonObject, part: string): boolean => (members.get(part)?.kind ?? "array") !== "array";

const isDecidedBefore = ({ members }: JsonObject): boolean => STRONGER_THAN_TYPE.some((key) => members.has(key));

/** Servers take a node with these for one of that type, whether or not it says so. */
function impliesItsType({ members }: JsonObject): boolean {
  if (members.has("properties")) return true;
  return members.get("items")?.kind === "object" && !members.has("allOf") && !members.has("additionalProperties");
}

/** What templates print of an object beside its properties. */
const KNOWN_OF_OBJECTS = new Set(["type", "description", "required", "nullable", "properties"]);

/** Some templates take any other keyword of an object without properties for the name of a property. */
const readAsParameters = ({ members }: JsonObject): boolean =>
  [...members.keys()].some((key) => !KNOWN_OF_OBJECTS.has(key));

/** Whether a change replaces what another one is in. */
const around =
  (inner: Splice) =>
  ({ start, end }: Splice): boolean =>
    start <= inner.start && inner.end <= end;

interface Child {
  readonly child: JsonNode;
  readonly keyword: string;
}

function childrenOf({ members }: JsonObject): Child[] {
  return [...members].flatMap(([keyword, value]) => schemasIn(keyword, value).map((child) => ({ child, keyword })));
}

/** The schemas in a keyword's value. */
function schemasIn(keyword: string, value: JsonNode): readonly JsonNode[] {
  if (SCHEMA_MAPS.includes(keyword)) return value.kind === "object" ? [...value.members.values()] : [];
  if (SCHEMA_LISTS.includes(keyword) && value.kind === "array") return value.items;
  if (SINGLE_SCHEMAS.includes(keyword)) return [value];
  return OBJECT_OR_BOOLEAN.includes(keyword) && value.kind === "object" ? [value] : [];
}
