import type { Chunk } from "../dispatch/types.js";
import type { RoutePlan } from "../selection/route-plan.js";
import type { Reply } from "./consumer.js";

/**
 * Wraps a reply so that the answer names the model that was asked for, whichever build gives it.
 *
 * @returns the reply itself where the names are the same
 */
export function underAskedName(reply: Reply, { asked, builds }: RoutePlan): Reply {
  if (builds.every((build) => build === asked)) return reply;
  return {
    open: () => reply.open(),
    write: (chunk) => reply.write(renamed(chunk, asked)),
    complete: (usage) => reply.complete(usage),
    fail: (error) => reply.fail(error),
  };
}

/** Members of an event that may contain the object with the model's name. */
const HOLDERS = ["response", "message"] as const;

/** @param chunk of any dialect; returned as it is if it names no model */
export function renamed(chunk: Chunk, name: string): Chunk {
  const { parsed } = chunk;
  if (!isObject(parsed)) return chunk;
  const { model } = parsed;
  if (typeof model === "string") return rewritten(chunk, { model, name, parsed: { ...parsed, model: name } });
  for (const holder of HOLDERS) {
    const held = parsed[holder];
    if (!isObject(held) || typeof held["model"] !== "string") continue;
    return rewritten(chunk, { model: held["model"], name, parsed: { ...parsed, [holder]: { ...held, model: name } } });
  }
  return chunk;
}

const isObject = (value: unknown): value is { readonly [member: string]: unknown } =>
  typeof value === "object" && value !== null;

interface Renaming {
  /** The name in the chunk. */
  readonly model: string;
  readonly name: string;
  /** The parsed chunk with the new name. */
  readonly parsed: unknown;
}

/** Replaces the name in the bytes: a round trip through `JSON.parse` would change the digits of some numbers. */
function rewritten(chunk: Chunk, { model, name, parsed }: Renaming): Chunk {
  const { buffer, byteOffset, byteLength } = chunk.bytes;
  const text = Buffer.from(buffer, byteOffset, byteLength).toString("utf8");
  // No JSON string holds a bare `"model"`: quotes within one are escaped.
  for (const match of text.matchAll(/("model"\s*:\s*)("(?:[^"\\]|\\.)*")/g)) {
    const [, member = "", value = ""] = match;
    if (JSON.parse(value) !== model) continue;
    const at = match.index + member.length;
    const bytes = Buffer.from(`${text.slice(0, at)}${JSON.stringify(name)}${text.slice(at + value.length)}`);
    return { ...chunk, bytes, parsed };
  }
  return chunk;
}
