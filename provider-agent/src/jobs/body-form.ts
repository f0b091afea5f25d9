import type { RequestFrame } from "@hearth/protocol";
import type { BackendResponse } from "../backends/backend.js";

/** What the body of an answer is. */
export type BodyForm = "events" | "json" | "other";

/** What a stream of events begins with: a comment, or a field. */
const FIELDS: readonly string[] = [":", "data:", "event:", "id:", "retry:"];

/**
 * What a body is, by what it begins with: its content type may be missing, or say something else. One that says it is
 * a stream, and does not begin as JSON or a page does, is believed.
 *
 * @param begun the first bytes that have come, one at least unless there are none, without what is blank
 */
export function formOf(begun: string, contentType: string): BodyForm {
  if (/^[{[]/.test(begun)) return "json";
  if (begun.startsWith("<")) return "other";
  if (/event-stream/i.test(contentType)) return "events";
  const isField = FIELDS.some((field) => begun.startsWith(field) || field.startsWith(begun));
  return begun !== "" && isField ? "events" : "other";
}

/** The answer may come as events, of which bytes alone are no sign that it goes on. */
export function maybeEvents({ dialect }: RequestFrame, { contentType }: BackendResponse): boolean {
  return dialect !== "embeddings" && !/json|html/i.test(contentType);
}
