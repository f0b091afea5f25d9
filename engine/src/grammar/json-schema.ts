import { ApiError } from "../api/api-error.js";

/** A JSON Schema as it came: nothing in it has been checked. */
export type SchemaObject = Readonly<Record<string, unknown>>;

/** Keywords that change what is valid in ways a grammar of ours cannot say. Ignoring them would give wrong answers. */
const UNSUPPORTED = [
  "not",
  "if",
  "patternProperties",
  "propertyNames",
  "dependentRequired",
  "dependentSchemas",
  "dependencies",
  "contains",
  "unevaluatedProperties",
  "unevaluatedItems",
  "$dynamicRef",
];

export function isObject(value: unknown): value is SchemaObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @throws {ApiError} `unsupported_schema` */
export function refuseSchema(reason: string, param: string): never {
  throw new ApiError("unsupported_schema", `This JSON Schema cannot be enforced: ${reason}.`, { param });
}

/** @throws {ApiError} for anything but an object, and for keywords that are not supported. */
export function checkedSchema(schema: unknown, param: string): SchemaObject {
  if (schema === true) return {};
  if (!isObject(schema)) refuseSchema("a schema is an object or `true`", param);
  const keyword = UNSUPPORTED.find((name) => schema[name] !== undefined);
  if (keyword !== undefined) refuseSchema(`\`${keyword}\` is not supported`, param);
  return schema;
}

/** The schema that a local reference such as `#/$defs/Person` points to. */
export function resolveReference(root: SchemaObject, reference: string, param: string): unknown {
  if (reference !== "#" && !reference.startsWith("#/")) refuseSchema("a `$ref` must be local", param);
  let target: unknown = root;
  for (const step of reference.split("/").slice(1)) {
    const key = decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~");
    target = isObject(target) && Object.hasOwn(target, key) ? target[key] : undefined;
  }
  if (target === undefined) refuseSchema("a `$ref` points nowhere", param);
  return target;
}

/** One schema that demands what both demand, for the keywords that are enforced. */
export function mergeSchemas(a: SchemaObject, b: SchemaObject): SchemaObject {
  const merged: Record<string, unknown> = { ...a, ...b };
  if (isObject(a["properties"]) && isObject(b["properties"])) {
    merged["properties"] = mergeProperties(a["properties"], b["properties"]);
  }
  if (Array.isArray(a["required"]) && Array.isArray(b["required"])) {
    merged["required"] = [...new Set([...a["required"], ...b["required"]])];
  }
  return merged;
}

function mergeProperties(a: SchemaObject, b: SchemaObject): SchemaObject {
  const both = Object.keys(a).filter((name) => Object.hasOwn(b, name));
  const conflicts = both.map((name): [string, unknown] => [name, { allOf: [a[name], b[name]] }]);
  return { ...a, ...b, ...Object.fromEntries(conflicts) };
}
