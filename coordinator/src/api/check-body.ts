import type { z } from "zod";
import { HearthError } from "../platform/errors.js";

/**
 * A value as its schema reads it.
 *
 * @param at where the value stands in what was sent
 * @throws HearthError `invalid_request` with the path of the first offending member as `param`
 */
export function checkBody<T>(schema: z.ZodType<T>, value: unknown, ...at: readonly PropertyKey[]): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path, message } = mostPrecise(parsed.error.issues, at);
  const param = pathOf(path);
  throw new HearthError("invalid_request", param ? `Invalid '${param}': ${message}` : `Invalid body: ${message}`, {
    param: param || undefined,
  });
}

/** JSON as its schema reads it. @throws HearthError `invalid_request`, as {@link checkBody} does */
export function readJson<T>(schema: z.ZodType<T>, raw: Buffer): T {
  return checkBody(schema, parseJson(raw.toString("utf8")));
}

/** @throws HearthError `invalid_request` for what is no JSON, without a word of it */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    // V8 quotes the text around a syntax error, and that text may be a prompt.
    throw new HearthError("invalid_request", "The body is not valid JSON.", {
      cause: cause instanceof Error ? cause.name : "unknown",
    });
  }
}

interface Problem {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** Of the alternatives of a union, the one that the value fitted furthest says what is wrong with it. */
function mostPrecise(issues: readonly z.core.$ZodIssue[], prefix: readonly PropertyKey[] = []): Problem {
  const [issue] = issues;
  if (issue === undefined) return { path: prefix, message: "invalid" };
  const own: Problem = { path: [...prefix, ...issue.path], message: issue.message };
  if (issue.code !== "invalid_union") return own;
  let best = own;
  for (const alternative of issue.errors) {
    const problem = mostPrecise(alternative, own.path);
    if (problem.path.length > best.path.length) best = problem;
  }
  return best;
}

/** `messages[0].content`, as OpenAI writes it. */
function pathOf(path: readonly PropertyKey[]): string {
  return path
    .map((key, index) => (typeof key === "number" ? `[${key}]` : `${index === 0 ? "" : "."}${String(key)}`))
    .join("");
}
