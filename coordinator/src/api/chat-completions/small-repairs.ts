import {
  type JsonNode,
  type JsonObject,
  type JsonObjectText,
  nestedSplices,
  readNode,
  type Splice,
} from "@hearth/dialects";
import type { Steps } from "../../platform/steps.js";
import { FREEFORM_ARGUMENT } from "../translation/freeform-input.js";
import { wholeArguments } from "../translation/whole-arguments.js";
import type { ChatCompletionBody, ChatMessage, ToolCall } from "./parse.js";

type Edits = Map<string, string | undefined>;

/** Messages whose repair is looked for in one turn of the event loop. */
export const MESSAGES_A_TURN = 64;

/**
 * What SDKs and agents write and servers answer with a 500, seen at llama-server: `null` for what is absent, calls
 * without arguments, type or id, results without the id of their call, a message without content. `developer` is OpenAI's
 * newer name for `system`; most chat templates refuse a role that they do not know. Everything else stays byte for byte.
 */
export function* smallRepairSteps(object: JsonObjectText, body: ChatCompletionBody): Steps<Splice[]> {
  const messages = new MessageRepairs();
  for (const [index, message] of body.messages.entries()) {
    messages.add(index, message);
    if (index % MESSAGES_A_TURN === MESSAGES_A_TURN - 1) yield;
  }
  const splices: Splice[] = [];
  if (messages.changed.size > 0) {
    const items = itemsOf(object, "messages");
    yield;
    for (const [index, repair] of messages.changed) splices.push(...messageSplices(object.text, items[index], repair));
  }
  for (const name of ["tools", "functions"] as const) {
    const entries = body[name] ?? [];
    if (!entries.some((entry) => hasNull(entry) || hasNull((entry as { readonly function?: unknown }).function)))
      continue;
    yield;
    for (const item of itemsOf(object, name)) splices.push(...withoutNulls(object.text, item, ["function"]));
  }
  return splices;
}

interface MessageRepair {
  readonly edits: Edits;
  /** Of the parts of its content, by their places. */
  readonly parts: ReadonlyMap<number, Edits>;
  /** Of its calls, by their places. */
  readonly calls: ReadonlyMap<number, { readonly edits: Edits; readonly function: Edits }>;
}

/** Goes over a conversation, so that results find the calls that they belong to. */
class MessageRepairs {
  readonly changed = new Map<number, MessageRepair>();
  /** Ids of calls that have no result yet. */
  #unanswered: string[] = [];

  add(index: number, message: ChatMessage): void {
    const edits = nullsOf(message, "content");
    if (message.role === "developer") edits.set("role", '"system"');
    if (message.content === null || message.content === undefined) {
      if (!hasCalls(message)) edits.set("content", '""');
    }
    if (message.role === "tool") this.#result(index, message, edits);
    if (message.function_call) this.#legacyCall(message.function_call, edits);
    const calls = new Map<number, { readonly edits: Edits; readonly function: Edits }>();
    if (message.tool_calls) this.#unanswered = [];
    for (const [at, call] of (message.tool_calls ?? []).entries()) {
      const repair = this.#call(call, `call_${index}_${at}`);
      if (repair.edits.size > 0 || repair.function.size > 0) calls.set(at, repair);
    }
    const parts = partsOf(message.content);
    if (edits.size + parts.size + calls.size > 0) this.changed.set(index, { edits, parts, calls });
  }

  #result(index: number, { tool_call_id: id }: ChatMessage, edits: Edits): void {
    if (id) {
      this.#unanswered = this.#unanswered.filter((each) => each !== id);
      return;
    }
    edits.set("tool_call_id", JSON.stringify(this.#unanswered.shift() ?? `call_${index}`));
  }

  #call(call: ToolCall, newId: string): { readonly edits: Edits; readonly function: Edits } {
    const edits = nullsOf(call);
    const { custom } = call;
    if (custom) {
      const { name, input } = custom;
      const args = JSON.stringify({ [FREEFORM_ARGUMENT]: input });
      edits.set("type", '"function"').set("custom", undefined);
      edits.set("function", JSON.stringify({ name, arguments: args }));
    }
    if (!call.id) edits.set("id", JSON.stringify(newId));
    this.#unanswered.push(call.id || newId);
    if (!call.function) return { edits, function: new Map() };
    if (!call.type) edits.set("type", '"function"');
    const called = nullsOf(call.function);
    const given = call.function.arguments ?? "";
    const args = argumentsOf(given);
    if (args !== given) called.set("arguments", JSON.stringify(args));
    return { edits, function: called };
  }

  #legacyCall({ name, arguments: given }: NonNullable<ChatMessage["function_call"]>, edits: Edits): void {
    const args = argumentsOf(given ?? "");
    if (args !== given) edits.set("function_call", JSON.stringify({ name, arguments: args }));
  }
}

/** Types of parts that Responses has for a text. */
const TEXTS: ReadonlySet<string> = new Set(["input_text", "output_text"]);

/** Texts under other names, and what the assistant would not do, which most backends do not know as a part. */
function partsOf(content: ChatMessage["content"]): ReadonlyMap<number, Edits> {
  const changed = new Map<number, Edits>();
  if (typeof content !== "object" || content === null) return changed;
  for (const [at, part] of content.entries()) {
    if (TEXTS.has(part.type) && typeof part.text === "string") changed.set(at, new Map([["type", '"text"']]));
    if (part.type !== "refusal" || typeof part["refusal"] !== "string") continue;
    const text = JSON.stringify(part["refusal"]);
    changed.set(
      at,
      new Map<string, string | undefined>([
        ["type", '"text"'],
        ["refusal", undefined],
        ["text", text],
      ]),
    );
  }
  return changed;
}

/** Arguments are a text; what is their value instead is written as one. */
function argumentsOf(given: string | object): string {
  return typeof given === "string" ? wholeArguments(given) : JSON.stringify(given);
}

const hasCalls = ({ tool_calls: calls, function_call: legacy }: ChatMessage): boolean =>
  (calls?.length ?? 0) > 0 || Boolean(legacy);

/** Edits that take away the members that are `null`. @param but of these one it means something */
function nullsOf(value: Readonly<Record<string, unknown>>, but?: string): Edits {
  const edits: Edits = new Map();
  for (const key in value) if (value[key] === null && key !== but) edits.set(key, undefined);
  return edits;
}

function hasNull(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.values(value).includes(null);
}

/** The entries of a list that is a member of a body; none where the text is doubtful. */
export function itemsOf({ text, members }: JsonObjectText, name: string): readonly JsonNode[] {
  const member = members.findLast(({ key }) => key === name);
  const node = member && readNode(text, member.start);
  return node?.kind === "array" ? node.items : [];
}

function messageSplices(text: string, item: JsonNode | undefined, { edits, parts, calls }: MessageRepair): Splice[] {
  if (item?.kind !== "object") return [];
  const content = item.members.get("content");
  const given = content?.kind === "array" ? content.items : [];
  const ofParts = [...parts].flatMap(([at, own]) => {
    const part = given[at];
    return part?.kind === "object" ? nestedSplices(text, part, own) : [];
  });
  const list = item.members.get("tool_calls");
  const entries = list?.kind === "array" ? list.items : [];
  const inner = [...calls].flatMap(([at, repair]) => {
    const call = entries[at];
    if (call?.kind !== "object") return [];
    const called = call.members.get("function");
    return [
      ...nestedSplices(text, call, repair.edits),
      ...(called?.kind === "object" ? nestedSplices(text, called, repair.function) : []),
    ];
  });
  return [...nestedSplices(text, item, edits), ...ofParts, ...inner];
}

/** Without the members that are `null`, in an entry and in its members of these names. */
function withoutNulls(text: string, item: JsonNode, inside: readonly string[]): Splice[] {
  if (item.kind !== "object") return [];
  const nested = inside.flatMap((name) => {
    const member = item.members.get(name);
    return member === undefined ? [] : withoutNulls(text, member, []);
  });
  return [...nestedSplices(text, item, nullMembers(text, item)), ...nested];
}

function nullMembers(text: string, { members }: JsonObject): Edits {
  const edits: Edits = new Map();
  for (const [key, { kind, start, end }] of members) {
    if (kind === "plain" && text.slice(start, end) === "null") edits.set(key, undefined);
  }
  return edits;
}
