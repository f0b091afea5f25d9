import { isUtf8 } from "node:buffer";
import type { z } from "zod";
import { HearthError } from "../platform/errors.js";
import { type JsonObjectText, readMembers } from "../request/json-members.js";
import { MAX_JSON_DEPTH } from "../request/json-text.js";

/** A request body: its bytes, where its members stand in its text, and what it says. */
export interface JsonBody {
  readonly raw: Buffer;
  readonly object: JsonObjectText;
  readonly value: Readonly<Record<string, unknown>>;
}

/**
 * Reads a body that must be a JSON object. The depth is known before anything is built from the text, so that
 * brackets alone cost no memory.
 *
 * @throws HearthError `invalid_request`
 */
export function readJsonBody(raw: Buffer): JsonBody {
  if (!isUtf8(raw)) throw new HearthError("invalid_request", "The body is not valid UTF-8.");
  const text = raw.toString("utf8");
  const members = readMembers(text);
  if (members.type === "too_deep") {
    throw new HearthError("invalid_request", `The body is nested deeper than ${MAX_JSON_DEPTH} levels.`);
  }
  const value = parse(text);
  if (members.type === "malformed" || typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new HearthError("invalid_request", "The body must be a JSON object.");
  }
  return { raw, object: members.object, value: value as Record<string, unknown> };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    // V8 quotes the text around a syntax error, and that text is a prompt.
    throw new HearthError("invalid_request", "The body is not valid JSON.", {
      cause: cause instanceof Error ? cause.name : "unknown",
    });
  }
}

/**
 * Checks a body against its dialect's schema.
 *
 * @throws HearthError `invalid_request` with the path of the first offending member as `param`
 */
export function checkBody<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path, message } = mostPrecise(parsed.error.issues);
  const param = pathOf(path);
  throw new HearthError("invalid_request", param ? `Invalid '${param}': ${message}` : `Invalid body: ${message}`, {
    param: param || undefined,
  });
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
