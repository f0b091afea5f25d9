import { z } from "zod";

export const between = (least: number, most: number): z.ZodType<number> => z.number().min(least).max(most);
export const whole = (least: number, most: number): z.ZodType<number> => z.number().int().min(least).max(most);

/** What each number of a group may be, also of those that may be left out. */
export type Bounds<T> = {
  readonly [Name in keyof T]-?: NonNullable<T[Name]> extends number ? z.ZodType<number> : Bounds<T[Name]>;
};

/** A group of numbers as the file has it, with defaults for what it leaves out. */
export interface Group {
  readonly [name: string]: number | Group;
}

/** A group of numbers in the file: `snake_case` there, `camelCase` in the code, and none without its bounds. */
export interface Section<T> {
  readonly schema: z.ZodType<Group>;
  /** What the code goes by. */
  read(group: Group): T;
}

export function section<T extends object>(defaults: T, bounds: Bounds<T>): Section<T> {
  // The types above say that they have the same members; here they are only names and values.
  return { schema: schemaOf(defaults as Named, bounds as Named), read: (group) => camelCased(group) as T };
}

type Named = Readonly<Record<string, unknown>>;

function schemaOf(defaults: Named, bounds: Named): z.ZodType<Group> {
  const members = Object.entries(bounds).map(([name, bound]) => {
    const byDefault = defaults[name];
    if (!(bound instanceof z.ZodType)) return [snakeCase(name), schemaOf(byDefault as Named, bound as Named)];
    return [snakeCase(name), byDefault === undefined ? bound.optional() : bound.default(byDefault)];
  });
  return z.strictObject(Object.fromEntries(members)).prefault({}) as unknown as z.ZodType<Group>;
}

function camelCased(group: Group): Named {
  return Object.fromEntries(
    Object.entries(group).map(([name, value]) => [
      camelCase(name),
      typeof value === "number" ? value : camelCased(value),
    ]),
  );
}

const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const camelCase = (name: string): string => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
