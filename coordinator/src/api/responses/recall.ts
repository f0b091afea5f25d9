import { memberSplices, splice } from "@hearth/dialects";
import { LIMITS } from "@hearth/protocol";
import { HearthError } from "../../platform/errors.js";
import { inTurns } from "../../platform/steps.js";
import type { BodyBounds } from "../../request/body-bounds.js";
import type { AccountResponses, StoredItem } from "../../stored-responses/stored-responses.js";
import { type JsonBody, jsonBodySteps } from "../json-body.js";

/** A body in which nothing refers to an earlier answer any more. */
export interface Recalled {
  readonly raw: Buffer;
  /** The response that it goes on with. */
  readonly previousId?: string;
  /** Its own items, without those of the response before; absent = all that stands in it. */
  readonly own?: readonly StoredItem[];
}

/** Whether a body may refer to an earlier answer. */
export const mayRefer = (raw: Buffer): boolean =>
  raw.includes("previous_response_id") || raw.includes("item_reference") || hasBareId(raw);

/** An object that has an id and nothing else: its type may be left out. */
const BARE_ID = /\{\s*"id"\s*:\s*"[^"]{1,256}"\s*\}/;
/** How far around an id the text is looked at, bytes: what is longer is none that was given out here. */
const AROUND_ID = { before: 16, after: 320 } as const;

function hasBareId(raw: Buffer): boolean {
  for (let at = raw.indexOf('"id"'); at !== -1; at = raw.indexOf('"id"', at + 1)) {
    const around = raw.toString("latin1", Math.max(0, at - AROUND_ID.before), at + AROUND_ID.after);
    if (BARE_ID.test(around)) return true;
  }
  return false;
}

/**
 * Puts what a body refers to in its place: the conversation before it, and items of earlier answers.
 *
 * @throws HearthError `previous_response_not_found`, or `not_found` for an item: its consumer sends all of it then
 */
export async function recall(raw: Buffer, bounds: BodyBounds, responses: AccountResponses): Promise<Recalled> {
  const json = await inTurns(jsonBodySteps(raw, bounds, "left_out"), raw.length);
  const { previous_response_id: previousId, input } = json.value;
  const hasPrevious = typeof previousId === "string";
  if (!hasPrevious && !(Array.isArray(input) && input.some(isReference))) return { raw };
  const own = await resolved(itemsOf(input), responses);
  if (!hasPrevious) return { raw: withInput(json, own), own };
  const before = await responses.conversation(previousId);
  if (before === undefined) throw notFound(previousId);
  return { raw: withInput(json, [...before, ...own]), own, previousId };
}

interface Reference {
  readonly type: "item_reference" | null;
  readonly id: string;
}

/** The type may be left out: then an id alone is one. */
function isReference(item: unknown): item is Reference {
  if (typeof item !== "object" || item === null) return false;
  const { type = null, id, role = null } = item as Record<string, unknown>;
  return typeof id === "string" && (type === "item_reference" || (type === null && role === null));
}

/** The input as a list of items. What is none of either form is left for the schema to refuse. */
export function itemsOf(input: unknown): readonly StoredItem[] {
  if (typeof input !== "string") return Array.isArray(input) ? input : [];
  return [{ type: "message", role: "user", content: [{ type: "input_text", text: input }] }];
}

async function resolved(items: readonly StoredItem[], responses: AccountResponses): Promise<readonly StoredItem[]> {
  const all: StoredItem[] = [];
  for (const [index, item] of items.entries()) {
    const meant = isReference(item) ? await responses.item(item.id) : item;
    if (meant === undefined) {
      const message = `Item with id '${String(item["id"]).slice(0, 128)}' not found: send the item itself.`;
      throw new HearthError("not_found", message, { param: `input[${index}]` });
    }
    all.push(meant);
  }
  return all;
}

function notFound(id: string): HearthError {
  const message = `Previous response with id '${id.slice(0, 128)}' not found: send the whole conversation as 'input'.`;
  return new HearthError("previous_response_not_found", message, { param: "previous_response_id" });
}

/** @throws HearthError `payload_too_large` */
function withInput({ object }: JsonBody, input: readonly StoredItem[]): Buffer {
  const edits = new Map([
    ["input", JSON.stringify(input)],
    ["previous_response_id", undefined],
  ]);
  const whole = Buffer.from(splice(object.text, memberSplices(object, edits)));
  if (whole.length <= LIMITS.requestBodyBytes) return whole;
  throw new HearthError("payload_too_large", "The conversation that this request goes on with has become too large.");
}
