import { type Expression, type GrammarBuilder, jsonRule, literal, oneOf } from "./grammar-builder.js";
import {
  checkedSchema,
  isObject,
  mergeSchemas,
  refuseSchema,
  resolveReference,
  type SchemaObject,
} from "./json-schema.js";

/** llama.cpp refuses longer repetitions; a longer bound is not enforced. */
const MAX_REPETITIONS = 2_000;
const MAX_RULES = 5_000;
const MAX_DEPTH = 64;

type TypeName = "object" | "array" | "string" | "number" | "integer" | "boolean" | "null";

const KEYWORDS_OF_TYPE: readonly (readonly [TypeName, readonly string[]])[] = [
  ["object", ["properties", "required", "additionalProperties"]],
  ["array", ["items", "prefixItems", "minItems", "maxItems"]],
  ["string", ["minLength", "maxLength", "format", "pattern"]],
  ["number", ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]],
];

/**
 * Writes a JSON Schema as rules of a grammar, so that the model can write nothing else. What it allows is always valid,
 * but not all that is valid is allowed: properties come in the order of the schema, an object that names properties has
 * no others. Not enforced: `pattern`, `multipleOf`, `uniqueItems`, bounds of numbers (but no minus sign where
 * `minimum` ≥ 0) and formats other than dates, times and UUIDs.
 */
export class SchemaGrammar {
  readonly #builder: GrammarBuilder;
  readonly #root: SchemaObject;
  readonly #param: string;
  readonly #references = new Map<string, Expression>();

  /** `param` is the request's field that is named in errors. */
  constructor(builder: GrammarBuilder, schema: unknown, param: string) {
    this.#builder = builder;
    this.#param = param;
    this.#root = checkedSchema(schema, param);
  }

  /**
   * The expression for the whole schema.
   * @throws {ApiError} `unsupported_schema`
   */
  expression(): Expression {
    return this.#visit(this.#root, 0);
  }

  #visit(unchecked: unknown, depth: number): Expression {
    if (depth > MAX_DEPTH) refuseSchema("it is nested too deeply", this.#param);
    if (this.#builder.size > MAX_RULES) refuseSchema("it is too large", this.#param);
    const schema = checkedSchema(unchecked, this.#param);
    const combined = this.#combined(schema, depth);
    if (combined !== undefined) return combined;
    if (schema["const"] !== undefined) return literal(JSON.stringify(schema["const"]));
    if (Array.isArray(schema["enum"]) && schema["enum"].length > 0) {
      return oneOf(schema["enum"].map((value) => literal(JSON.stringify(value))));
    }
    return oneOf(typesOf(schema).map((type) => this.#ofType(type, schema, depth)));
  }

  #combined(schema: SchemaObject, depth: number): Expression | undefined {
    const { $ref: reference, allOf, anyOf, oneOf: exactlyOne, ...rest } = schema;
    if (typeof reference === "string") return this.#referred(reference, rest, depth);
    if (Array.isArray(allOf) && allOf.length > 0) {
      const others = {
        ...rest,
        ...(anyOf !== undefined && { anyOf }),
        ...(exactlyOne !== undefined && { oneOf: exactlyOne }),
      };
      return this.#visit(allOf.map((part) => this.#flat(part, depth)).reduce(mergeSchemas, others), depth + 1);
    }
    const alternatives = anyOf ?? exactlyOne;
    if (!Array.isArray(alternatives) || alternatives.length === 0) return undefined;
    const expressions = alternatives.map((part) => {
      const plain = Object.keys(rest).every((key) => key === "$defs" || key === "definitions" || key === "description");
      return this.#visit(plain ? part : mergeSchemas(rest, this.#flat(part, depth)), depth + 1);
    });
    return this.#builder.add(expressions.join(" | "));
  }

  /** A referred schema becomes a rule of its own, which may refer to itself. */
  #referred(reference: string, siblings: SchemaObject, depth: number): Expression {
    const target = resolveReference(this.#root, reference, this.#param);
    if (typesKeywords(siblings)) return this.#visit(mergeSchemas(this.#flat(target, depth), siblings), depth + 1);
    const known = this.#references.get(reference);
    if (known !== undefined) return known;
    const name = this.#builder.reserve();
    this.#references.set(reference, name);
    this.#builder.define(name, this.#visit(target, depth + 1));
    return name;
  }

  /** A schema without a reference at its top, for merging. */
  #flat(unchecked: unknown, depth: number): SchemaObject {
    if (depth > MAX_DEPTH) refuseSchema("it is nested too deeply", this.#param);
    const schema = checkedSchema(unchecked, this.#param);
    const { $ref: reference, ...rest } = schema;
    if (typeof reference !== "string") return schema;
    return mergeSchemas(this.#flat(resolveReference(this.#root, reference, this.#param), depth + 1), rest);
  }

  #ofType(type: TypeName | "any", schema: SchemaObject, depth: number): Expression {
    switch (type) {
      case "object":
        return this.#object(schema, depth);
      case "array":
        return this.#array(schema, depth);
      case "string":
        return string(schema);
      case "integer":
        return jsonRule(isNatural(schema) ? "natural" : "integer");
      case "number":
      case "boolean":
      case "null":
        return jsonRule(type);
      case "any":
        return jsonRule("value");
    }
  }

  /**
   * One rule a property: what may follow if nothing has been written before it (`first`) or if something has (`next`),
   * so that commas are right however many optional properties are left out.
   */
  #object(schema: SchemaObject, depth: number): Expression {
    const properties = isObject(schema["properties"]) ? Object.entries(schema["properties"]) : [];
    if (properties.length === 0) return this.#freeObject(schema, depth);
    const required = new Set(Array.isArray(schema["required"]) ? schema["required"] : []);
    let first = "";
    let next = "";
    for (const [name, value] of properties.toReversed()) {
      const member = this.#builder.add(`${literal(JSON.stringify(name))} ":" sp ${this.#visit(value, depth + 1)}`);
      const optional = !required.has(name);
      const start = `${member} ${next}`.trim();
      first = this.#builder.add(optional ? `${start} | ${first || '""'}` : start);
      next = this.#builder.add(`${optional ? `( "," sp ${member} )?` : `"," sp ${member}`} ${next}`);
    }
    return this.#builder.add(`"{" ${first} "}"`);
  }

  #freeObject(schema: SchemaObject, depth: number): Expression {
    const required = schema["required"];
    if (Array.isArray(required) && required.length > 0) {
      const properties = Object.fromEntries(
        required.map((name) => [String(name), schema["additionalProperties"] ?? {}]),
      );
      return this.#object({ ...schema, properties }, depth);
    }
    const values = schema["additionalProperties"];
    if (values === false) return literal("{}");
    if (!isObject(values)) return jsonRule("object");
    const member = this.#builder.add(`string ":" sp ${this.#visit(values, depth + 1)}`);
    return this.#builder.add(`"{" ( ${member} ( "," sp ${member} )* )? "}"`);
  }

  #array(schema: SchemaObject, depth: number): Expression {
    const fixed = Array.isArray(schema["prefixItems"]) ? schema["prefixItems"] : [];
    if (fixed.length > 0) {
      const items = fixed.map((item) => this.#visit(item, depth + 1));
      return this.#builder.add(`"[" ${items.join(' "," sp ')} "]"`);
    }
    const item = this.#visit(schema["items"] ?? {}, depth + 1);
    const min = count(schema["minItems"]) ?? 0;
    const max = count(schema["maxItems"]);
    if (max !== undefined && max < Math.max(min, 1)) return literal("[]");
    const more = repetition(`( "," sp ${item} )`, Math.max(0, min - 1), max === undefined ? undefined : max - 1);
    return this.#builder.add(min > 0 ? `"[" ${item} ${more} "]"` : `"[" ( ${item} ${more} )? "]"`);
  }
}

function typesOf(schema: SchemaObject): readonly (TypeName | "any")[] {
  const declared = schema["type"];
  const names = Array.isArray(declared) ? declared : [declared];
  const types = names.filter(isTypeName);
  if (types.length > 0) return types;
  const inferred = KEYWORDS_OF_TYPE.find(([, keywords]) => keywords.some((keyword) => schema[keyword] !== undefined));
  return [inferred?.[0] ?? "any"];
}

function isTypeName(value: unknown): value is TypeName {
  return typeof value === "string" && /^(object|array|string|number|integer|boolean|null)$/.test(value);
}

/** Whether keywords beside a `$ref` change what is valid; descriptions and the like do not. */
function typesKeywords(schema: SchemaObject): boolean {
  const words = ["type", "enum", "const", ...KEYWORDS_OF_TYPE.flatMap(([, keywords]) => keywords)];
  return words.some((word) => schema[word] !== undefined);
}

function string(schema: SchemaObject): Expression {
  switch (schema["format"]) {
    case "date":
    case "time":
    case "uuid":
      return `"\\"" ${jsonRule(schema["format"])} "\\""`;
    case "date-time":
      return '"\\"" date "T" time "\\""';
  }
  const min = count(schema["minLength"]);
  const max = count(schema["maxLength"]);
  if (min === undefined && max === undefined) return jsonRule("string");
  return `"\\"" ${repetition("char", min ?? 0, max)} "\\""`;
}

function isNatural(schema: SchemaObject): boolean {
  const minimum = schema["minimum"];
  const above = schema["exclusiveMinimum"];
  return (typeof minimum === "number" && minimum >= 0) || (typeof above === "number" && above >= -1);
}

/** A bound that can be enforced. */
function count(value: unknown): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= MAX_REPETITIONS
    ? value
    : undefined;
}

function repetition(expression: Expression, min: number, max: number | undefined): Expression {
  return max === 0 ? "" : `${expression}{${min},${max ?? ""}}`;
}
