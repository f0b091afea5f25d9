import { repairTools, type SchemaLimit } from "@hearth/dialects";
import { refusesCallIds, withShortCallIds } from "./short-call-ids.js";

/** What a server cannot do of what it was asked; it is asked without then. */
export type Inability = "stream_options" | "stream_with_tools" | "long_call_ids" | SchemaLimit;

/** A member that a body's own text may name only with its quotes escaped. */
const STREAM_OPTIONS = /(?<!\\)"stream_options"\s*:\s*\{[^{}]*\}\s*(,?)\s*/g;
const STREAM = /(?<!\\)"stream"\s*:\s*true/g;
const TOOLS = /(?<!\\)"tools"\s*:\s*\[\s*\{/;

/** What servers refuse by its name, in a 4xx: the member itself, or tools in a stream. */
const REFUSALS: readonly (readonly [Inability, RegExp])[] = [
  ["stream_options", /stream_options|include_usage/i],
  ["stream_with_tools", /(?:tools?|functions?)\b.*\bstream|\bstream(?:ing)?\b.*\b(?:tools?|functions?)\b/is],
];

const CANNOT =
  /\b(?:can(?:not|'t) use|(?:not|n't)(?: yet| be)? (?:supported|support|allowed|possible|compatible|implemented|available|combined?)|unsupported|incompatible)\b/;

/**
 * The same in a failure, whose words are chance where they do not say that something cannot be: the member's own name,
 * or a line like the one that llama-server had until May 2025 ("Cannot use tools with stream", a 500).
 */
const FAILURES: readonly (readonly [Inability, RegExp])[] = [
  ["stream_options", /stream_options/],
  ["stream_with_tools", new RegExp(`^(?=.*${CANNOT.source})(?=.*\\b(?:tools?|functions?)\\b).*\\bstream`, "im")],
];

/** llama-server since it checks schemas. */
const BOOLEAN_SCHEMA = /JSON schema error at .*: schema must be an object/s;

/**
 * How chat templates fail at a value that they took for another one, in the words of llama.cpp, minja, swift-jinja,
 * `@huggingface/jinja` (LM Studio) and Python. That a failure is none of the tools' costs one request more.
 */
const TEMPLATE_ERROR = new RegExp(
  [
    ...["jinja", "chat[ _]?template", "while executing \\w+ at line", "for this template"],
    ...[
      "\\bfilter\\b",
      "(?:upper|lower|trim|join)\\b.*requires",
      "unhashable type",
      "has no (?:builtins|attribute|element)",
    ],
    ...["undefined", "null values", "is not (?:a function|iterable|a bool)", "Callee is not", "unsupported operand"],
    ...["unknown operator", "can only concatenate", "argument of type"],
  ].join("|"),
  "is",
);

/** Whether these are the words of a template that could not read what it was given. */
export const isTemplateError = (words: string): boolean => TEMPLATE_ERROR.test(words);

/** A refusal, and what was asked. */
export interface Refusal {
  readonly words: string;
  /** The request's body as it came to the agent. */
  readonly body: Uint8Array;
  /** Without what it was asked. */
  readonly cannot: ReadonlySet<Inability>;
}

/** Without what a refused request may be asked once more; `undefined` when nothing of that kind is said. */
export const otherWay = (refusal: Refusal): ReadonlySet<Inability> | undefined =>
  withoutNamed(refusal, REFUSALS) ?? otherForm(refusal);

/** The same of a failure, which needs plainer words. */
export const otherWayAfterFailure = (refusal: Refusal): ReadonlySet<Inability> | undefined =>
  withoutNamed(refusal, FAILURES) ?? otherForm(refusal);

function withoutNamed(
  { words, body, cannot }: Refusal,
  names: readonly (readonly [Inability, RegExp])[],
): ReadonlySet<Inability> | undefined {
  const asked = textOf(askedOtherwise(body, cannot));
  const named = names.find(([what, said]) => said.test(words) && asksFor(what, asked));
  return named === undefined ? undefined : new Set([...cannot, named[0]]);
}

/** In which form a template may take what it could not read, or would not. */
export const otherForm = (refusal: Refusal): ReadonlySet<Inability> | undefined =>
  otherIds(refusal) ?? otherSchemas(refusal);

function otherIds({ words, body, cannot }: Refusal): ReadonlySet<Inability> | undefined {
  if (cannot.has("long_call_ids") || !refusesCallIds(words)) return undefined;
  return asksFor("long_call_ids", textOf(body)) ? new Set([...cannot, "long_call_ids"]) : undefined;
}

/**
 * With which schemas to ask a server that could not read the tools. One that has been spared something may need it all
 * the same: a template reads one tool in one way, another in another.
 */
function otherSchemas({ words, body, cannot }: Refusal): ReadonlySet<Inability> | undefined {
  if (cannot.has("loose_types")) return isTemplateError(words) ? without(cannot, "loose_types", body) : undefined;
  const limit = BOOLEAN_SCHEMA.test(words) && !cannot.has("boolean_schemas") ? "boolean_schemas" : "loose_types";
  if (limit === "loose_types" && !isTemplateError(words)) return undefined;
  return repairTools(textOf(body), limit) === undefined ? undefined : new Set([...cannot, limit]);
}

function without(cannot: ReadonlySet<Inability>, what: SchemaLimit, body: Uint8Array): Set<Inability> | undefined {
  if (repairTools(textOf(body), what) === undefined) return undefined;
  return new Set([...cannot].filter((each) => each !== what));
}

/** The body for a server that cannot do this; everything else in it stays as it is, byte for byte. */
export function askedOtherwise(body: Uint8Array, cannot: ReadonlySet<Inability>): Uint8Array {
  if (cannot.size === 0) return body;
  const text = textOf(body);
  const asked = withoutStreams(withReadableTools(withReadableIds(text, cannot), cannot), cannot);
  return asked === text ? body : Buffer.from(asked, "latin1");
}

function withReadableIds(text: string, cannot: ReadonlySet<Inability>): string {
  return cannot.has("long_call_ids") ? (withShortCallIds(text) ?? text) : text;
}

function withReadableTools(text: string, cannot: ReadonlySet<Inability>): string {
  // Types are added to nodes only, so that the one repair does the work of the other.
  const limit = cannot.has("loose_types") ? "loose_types" : "boolean_schemas";
  return cannot.has(limit) ? (repairTools(text, limit) ?? text) : text;
}

function withoutStreams(asked: string, cannot: ReadonlySet<Inability>): string {
  const whole = cannot.has("stream_with_tools") && asksFor("stream_with_tools", asked);
  if (!whole && !(cannot.has("stream_options") && asksFor("stream_options", asked))) return asked;
  const changed = asked.replace(STREAM_OPTIONS, (_member, comma: string) =>
    comma === "" ? '"stream_options":null' : "",
  );
  const plain = changed.replace(/,\s*"stream_options":null|"stream_options":null/, "");
  return whole ? plain.replace(STREAM, '"stream":false') : plain;
}

function asksFor(what: Inability, asked: string): boolean {
  switch (what) {
    case "stream_options":
      return asked.search(STREAM_OPTIONS) !== -1;
    case "stream_with_tools":
      return TOOLS.test(asked) && asked.search(STREAM) !== -1;
    case "long_call_ids":
      return withShortCallIds(asked) !== undefined;
    case "boolean_schemas":
    case "loose_types":
      return repairTools(asked, what) !== undefined;
  }
}

/** A character a byte, so that no byte is lost. */
const textOf = (body: Uint8Array): string =>
  Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("latin1");
