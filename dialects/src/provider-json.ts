import { CHAR, stringEnd } from "./json/json-text.js";

/**
 * Levels of objects and lists that an answer of a provider may have. `JSON.parse` takes any depth, but whatever then
 * walks or writes the value recurses: at some thousand levels it overflows the stack. No answer of a model server is
 * deeper than a dozen.
 */
export const MAX_ANSWER_DEPTH = 256;

/**
 * Reads JSON that came from a provider.
 *
 * @returns `undefined` for what is no JSON, or deeper than `MAX_ANSWER_DEPTH`
 */
export function parseProviderJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return isTooDeep(text) ? undefined : value;
  } catch {
    return undefined;
  }
}

/** An object that is not a list. */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** @param text JSON: its strings are known to end */
function isTooDeep(text: string): boolean {
  // Every level takes an opening and a closing character: nearly all events are too short to be deep.
  if (text.length <= MAX_ANSWER_DEPTH * 2) return false;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case CHAR.quote:
        at = stringEnd(text, at);
        break;
      case CHAR.openBrace:
      case CHAR.openBracket:
        depth += 1;
        if (depth > MAX_ANSWER_DEPTH) return true;
        break;
      case CHAR.closeBrace:
      case CHAR.closeBracket:
        depth -= 1;
        break;
    }
  }
  return false;
}
