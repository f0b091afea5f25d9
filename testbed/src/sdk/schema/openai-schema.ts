import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";

/** OpenAI's published description of its API, as a judge of what Hearth answers. */
export interface OpenAiSchema {
  /** What is wrong with a value; empty when it is what the schema of this name says. */
  problems(name: string, value: unknown): string[];
}

const REPOSITORY = fileURLToPath(new URL("../../../../", import.meta.url));

/** The folder of published reference data, which a plain clone does not have. */
export function referenceDir(): string {
  return process.env["HEARTH_REFERENCE_DIR"] ?? join(REPOSITORY, ".cache/reference");
}

let loaded: OpenAiSchema | "absent" | undefined;

/** @returns `undefined`, with one notice, where the reference data is absent */
export function loadOpenAiSchema(): OpenAiSchema | undefined {
  loaded ??= load();
  return loaded === "absent" ? undefined : loaded;
}

function load(): OpenAiSchema | "absent" {
  const path = join(referenceDir(), "openai-openapi/openapi.json");
  if (existsSync(path)) return compile(JSON.parse(readFileSync(path, "utf8")) as Description);
  console.warn(`NOTICE: answers are not checked against OpenAI's schema, because ${path} is not here.`);
  return "absent";
}

interface Description {
  readonly components: { readonly schemas: Record<string, Schema> };
}

type Schema = {
  type?: string | string[];
  enum?: unknown[];
  nullable?: boolean;
  required?: string[];
  properties?: Record<string, Schema>;
  items?: Schema;
  anyOf?: Schema[];
  allOf?: Schema[];
} & Record<string, unknown>;

function compile(description: Description): OpenAiSchema {
  const { schemas } = description.components;
  for (const schema of Object.values(schemas)) patchNode(schema);
  patchNamed(schemas);
  const ajv = new Ajv2020({ strict: false, allErrors: true, logger: false, validateFormats: true });
  ajv.addFormat("unixtime", { type: "number", validate: Number.isInteger });
  ajv.addSchema({ $id: "openai", ...description });
  const compiled = new Map<string, ValidateFunction>();
  return {
    problems(name, value) {
      const validate = compiled.get(name) ?? ajv.compile({ $ref: `openai#/components/schemas/${name}` });
      compiled.set(name, validate);
      if (validate(value)) return [];
      return (validate.errors ?? []).map((error) => `${name}${error.instancePath} ${error.message}`);
    },
  };
}

// The description as published rejects OpenAI's own recorded traffic. These are the patches without which it does.

/** Patches that hold wherever the shape occurs. */
function patchNode(node: unknown): void {
  if (typeof node !== "object" || node === null) return;
  const schema = node as Schema;
  if (schema.nullable === true) allowNull(schema);
  if (schema.properties?.["safety_identifier"] !== undefined) allowNull(schema.properties["user"]);
  if (Array.isArray(schema.required)) {
    schema.required = schema.required.filter((name) => name !== "cache_write_tokens");
  }
  for (const child of Object.values(schema)) patchNode(child);
}

/** Patches of single schemas. */
function patchNamed(schemas: Record<string, Schema>): void {
  for (const name of ["Response", "CreateChatCompletionStreamResponse", "CreateCompletionResponse"]) {
    allowNull(propertyOf(schemas[name], "usage"));
  }
  allowNull(propertyOf(propertyOf(schemas["CreateCompletionResponse"], "choices")?.items, "finish_reason"));
  allowNull(propertyOf(schemas["CreateChatCompletionStreamResponse"], "system_fingerprint"));
  const done = schemas["ResponseFunctionCallArgumentsDoneEvent"];
  if (done?.required !== undefined) done.required = done.required.filter((name) => name !== "name");
}

/** A property by name, also where it is declared in a part of an `allOf`. */
function propertyOf(schema: Schema | undefined, name: string): Schema | undefined {
  if (schema === undefined) return undefined;
  return schema.properties?.[name] ?? schema.allOf?.map((part) => propertyOf(part, name)).find(Boolean);
}

function allowNull(schema: Schema | undefined): void {
  if (schema === undefined) return;
  delete schema.nullable;
  if (schema.type === undefined) {
    const { ...alternative } = schema;
    for (const key of Object.keys(schema)) delete schema[key];
    schema.anyOf = [alternative, { type: "null" }];
    return;
  }
  const types = Array.isArray(schema.type) ? schema.type : [schema.type];
  if (!types.includes("null")) schema.type = [...types, "null"];
  if (schema.enum !== undefined && !schema.enum.includes(null)) schema.enum = [...schema.enum, null];
}
