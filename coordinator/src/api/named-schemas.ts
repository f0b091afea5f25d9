import { z } from "zod";

const NAMES = z.registry<{ id: string }>();

/** Gives a schema the name under which the description tells of it. */
export function named<S extends z.ZodType>(id: string, schema: S): S {
  NAMES.add(schema, { id });
  return schema;
}

const addressOf = (id: string): string => `#/components/schemas/${id}`;

/** @throws Error for a schema that has no name */
export function refTo(schema: z.ZodType): { readonly $ref: string } {
  const name = NAMES.get(schema)?.id;
  if (name === undefined) throw new Error("A schema of the API's description needs a name.");
  return { $ref: addressOf(name) };
}

/** Every schema that has a name, as JSON Schema. */
export function namedSchemas(): Record<string, object> {
  const { schemas } = z.toJSONSchema(NAMES, { uri: addressOf, io: "input" });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, { $schema: _dialect, $id: _uri, ...schema }]) => [id, schema]),
  );
}
