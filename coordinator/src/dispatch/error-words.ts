import { isObject } from "@hearth/dialects";

/**
 * Rule 9: what a backend says of an error in a body of its own: in a member `error`, as vLLM's older `object: "error"`
 * at the top, or as FastAPI's `detail`, a sentence or a list of what is wrong with which member.
 *
 * @returns an object with a `message`, a sentence, or whatever `error` is; `undefined` = it says nothing
 */
export function wordsOf(body: unknown): unknown {
  if (!isObject(body)) return undefined;
  const { error, object, message, detail } = body;
  if (error !== undefined && error !== null) return error;
  if (object === "error" || typeof message === "string") return body;
  if (!Array.isArray(detail)) return detail;
  const wrong = detail.map((each) => (isObject(each) ? each["msg"] : each)).filter((each) => typeof each === "string");
  return wrong.length > 0 ? { message: wrong.join("; ") } : undefined;
}
