import { isUtf8 } from "node:buffer";
import { StringDecoder } from "node:string_decoder";
import { type JsonObjectText, MAX_JSON_DEPTH, MAX_TOP_LEVEL_MEMBERS, memberSteps } from "@hearth/dialects";
import type { RequestId } from "@hearth/protocol";
import { z } from "zod";
import { HearthError } from "../platform/errors.js";
import { inOneGo, type Steps } from "../platform/steps.js";
import { type BodyBounds, DEFAULT_BODY_BOUNDS } from "../request/body-bounds.js";
import { parseJson } from "./check-body.js";
import { checkSources } from "./content-sources.js";
import { checkMembers } from "./denied-members.js";

/** A request body: its bytes, where its members stand in its text, and what it says. */
export interface JsonBody {
  readonly raw: Buffer;
  readonly object: JsonObjectText;
  readonly value: Readonly<Record<string, unknown>>;
}

/** A body that has come in, and what is wanted to read it. */
export interface Arrived {
  readonly raw: Buffer;
  readonly id: RequestId;
  readonly bounds: BodyBounds;
}

/** {@link jsonBodySteps} in one go. @throws HearthError `invalid_request` */
export function readJsonBody(raw: Buffer, bounds: BodyBounds = DEFAULT_BODY_BOUNDS): JsonBody {
  return inOneGo(jsonBodySteps(raw, bounds));
}

/**
 * Reads a body that must be a JSON object. Its depth and the number of its values are known before anything is built
 * from the text, so that what is over a bound costs one look at each character at most.
 *
 * @param remoteTools as `checkSources` takes it
 * @throws HearthError `invalid_request`
 */
export function* jsonBodySteps(
  raw: Buffer,
  bounds: BodyBounds,
  remoteTools: "refused" | "left_out" = "refused",
): Steps<JsonBody> {
  if (!isUtf8(raw)) throw new HearthError("invalid_request", "The body is not valid UTF-8.");
  const text = yield* decodeSteps(raw);
  const members = yield* memberSteps(text, bounds);
  if (members.type === "too_deep") {
    throw new HearthError("invalid_request", `The body is nested deeper than ${MAX_JSON_DEPTH} levels.`);
  }
  if (members.type === "too_many") throw tooMany(members.what, bounds);
  yield;
  const value = parseJson(text);
  if (members.type === "malformed" || typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new HearthError("invalid_request", "The body must be a JSON object.");
  }
  yield;
  checkMembers(members.object);
  checkSources(value as Record<string, unknown>, remoteTools);
  yield;
  return { raw, object: members.object, value: value as Record<string, unknown> };
}

/** Bytes decoded in one turn of the event loop. */
const SLICE_BYTES = 2 * 1024 * 1024;

function* decodeSteps(raw: Buffer): Steps<string> {
  if (raw.length <= SLICE_BYTES) return raw.toString("utf8");
  const decoder = new StringDecoder("utf8");
  const parts: string[] = [];
  for (let at = 0; at < raw.length; at += SLICE_BYTES) {
    parts.push(decoder.write(raw.subarray(at, at + SLICE_BYTES)));
    yield;
  }
  return parts.join("");
}

function tooMany(what: keyof BodyBounds | "top_level_members", bounds: BodyBounds): HearthError {
  switch (what) {
    case "members":
      return overBound(bounds.members, "members in its objects");
    case "items":
      return overBound(bounds.items, "entries in its lists");
    case "containers":
      return overBound(bounds.containers, "lists and objects");
    case "top_level_members":
      return overBound(MAX_TOP_LEVEL_MEMBERS, "members in its outermost object");
  }
}

function overBound(limit: number, things: string): HearthError {
  return new HearthError("invalid_request", `The body has more than ${limit} ${things}.`);
}

/**
 * Makes a list's schema stop at the first entry that does not fit. Zod describes every one, in every alternative of a
 * union: seconds for a list of a few hundred thousand, of which one would do.
 *
 * @returns the same schema; it must be the list itself, before anything (`meta`, `nullish`) is put around it
 */
export function stopAtFirst<T extends z.ZodArray>(list: T): T {
  const { element, checks } = list._zod.def;
  const parse: typeof list._zod.parse = (payload, context) => {
    const given: unknown = payload.value;
    if (!Array.isArray(given)) {
      payload.issues.push({ expected: "array", code: "invalid_type", input: given, inst: list });
      return payload;
    }
    const read: unknown[] = [];
    payload.value = read;
    for (const [index, value] of given.entries()) {
      const entry = element._zod.run({ value, issues: [] }, context);
      if (entry instanceof Promise) throw new Error("A schema of bodies is never asynchronous.");
      read.push(entry.value);
      if (entry.issues.length === 0) continue;
      payload.issues.push(...z.core.util.prefixIssues(index, entry.issues));
      return payload;
    }
    return payload;
  };
  list._zod.parse = parse;
  // Without checks of its own, a list is run by the same function.
  if (checks === undefined || checks.length === 0) list._zod.run = parse;
  return list;
}
