import { createHash } from "node:crypto";
import { type JsonNode, type JsonObject, readMembers, readNode, type Splice, splice } from "@hearth/dialects";

/** What Mistral's templates and its tokenizer take, and nothing else: nine letters or digits. */
const SHORT_ID = /^[A-Za-z0-9]{9}$/;
const ID_LENGTH = 9;

/** How they say so: in the template's words, and in those of `mistral_common`, which vLLM asks. */
const REFUSAL = /tool[ _]?call[ _]ids?\b.*\blength\b.*\b9\b/is;

/** Whether a server has refused a conversation for the ids of its calls. */
export const refusesCallIds = (words: string): boolean => REFUSAL.test(words);

/**
 * A body in which every call has an id of nine letters or digits, and its result the same; by which calls and results
 * find each other is nobody else's business, so that no answer needs to be changed back.
 *
 * @param text a JSON object in any of the dialects that know calls
 * @returns `undefined` where nothing is to be changed
 */
export function withShortCallIds(text: string): string | undefined {
  const result = readMembers(text);
  if (result.type !== "object") return undefined;
  const splices: Splice[] = [];
  for (const { key, start } of result.object.members) {
    const list = key === "messages" || key === "input" ? readNode(text, start) : undefined;
    if (list?.kind === "array") for (const item of list.items) splices.push(...idSplices(item));
  }
  return splices.length === 0 ? undefined : splice(text, splices);
}

/** Of a message in chat completions or Messages, or of an item in Responses. */
function idSplices(item: JsonNode): Splice[] {
  if (item.kind !== "object") return [];
  const calls = objectsIn(item.members.get("tool_calls")).flatMap((call) => renamed(call, "id"));
  const blocks = objectsIn(item.members.get("content")).flatMap((block) => [
    ...(typeOf(block) === "tool_use" ? renamed(block, "id") : []),
    ...renamed(block, "tool_use_id"),
  ]);
  return [...calls, ...blocks, ...renamed(item, "tool_call_id"), ...renamed(item, "call_id")];
}

const objectsIn = (node: JsonNode | undefined): readonly JsonObject[] =>
  node?.kind === "array" ? node.items.filter((item) => item.kind === "object") : [];

function typeOf({ members }: JsonObject): string | undefined {
  const type = members.get("type");
  return type?.kind === "string" ? type.value : undefined;
}

function renamed({ members }: JsonObject, name: string): Splice[] {
  const id = members.get(name);
  if (id?.kind !== "string" || SHORT_ID.test(id.value)) return [];
  return [{ start: id.start, end: id.end, text: JSON.stringify(shortId(id.value)) }];
}

/** The same for the same id, so that what a server has cached of the conversation stays true. */
function shortId(id: string): string {
  const digest = createHash("sha256").update(id).digest("hex");
  return BigInt(`0x${digest}`).toString(36).slice(0, ID_LENGTH);
}
