import type { JsonNode, JsonObjectText, Splice } from "@hearth/dialects";
import type { Steps } from "../../platform/steps.js";
import { asReminder } from "../translation/settled-turns.js";
import type { ChatMessage } from "./parse.js";
import { itemsOf, MESSAGES_A_TURN } from "./small-repairs.js";

/**
 * The splices that have what the system says where every template takes it: what stands at the head as one message,
 * what comes later as a marked part of the turn before it, or of the user's turn behind it, or as a turn of its own.
 * Nobody's other words are changed.
 *
 * @param repairs what else changes in the messages; those of messages that go are left out
 * @returns the same repairs where all is in its place
 */
export function* placedSystemSteps(
  object: JsonObjectText,
  messages: readonly ChatMessage[],
  repairs: readonly Splice[],
): Steps<readonly Splice[]> {
  if (!messages.some(isMisplaced)) return repairs;
  yield;
  const items = itemsOf(object, "messages");
  yield;
  if (items.length !== messages.length) return repairs;
  const placing = new Placing(messages, items);
  yield* placing.steps();
  return [...outside(placing.taken, repairs), ...placing.splices];
}

const isSystem = ({ role }: ChatMessage): boolean => role === "system" || role === "developer";
const isMisplaced = (message: ChatMessage, index: number): boolean => index > 0 && isSystem(message);

/** Goes over a conversation once, message by message. */
class Placing {
  readonly splices: Splice[] = [];
  /** The messages that go, in their order. */
  readonly taken: JsonNode[] = [];
  readonly #messages: readonly ChatMessage[];
  readonly #items: readonly JsonNode[];
  /** The last message that stays where it is. */
  #last = 0;
  /** Messages of the system that found no turn before them. */
  #waiting: number[] = [];

  constructor(messages: readonly ChatMessage[], items: readonly JsonNode[]) {
    this.#messages = messages;
    this.#items = items;
  }

  *steps(): Steps<void> {
    for (const [index, message] of this.#messages.entries()) {
      if (isMisplaced(message, index)) this.#place(index, message);
      else this.#pass(index, message);
      if (index % MESSAGES_A_TURN === MESSAGES_A_TURN - 1) yield;
    }
    this.#standAlone();
  }

  #place(index: number, message: ChatMessage): void {
    const before = this.#messages[this.#last] as ChatMessage;
    const text = isSystem(before) ? textOf(message) : asReminder(textOf(message));
    const isTurn = isSystem(before) || before.role === "user" || before.role === "tool";
    const spliced = isTurn && this.#waiting.length === 0 ? added(this.#contentOf(this.#last), text, "end") : undefined;
    if (spliced === undefined) this.#waiting.push(index);
    else {
      this.splices.push(spliced);
      this.#remove(index);
    }
  }

  /** A user's turn takes what has waited for it. */
  #pass(index: number, { role }: ChatMessage): void {
    if (role === "user" && this.#waiting.length > 0) {
      const spliced = added(this.#contentOf(index), this.#waitingText(), "start");
      if (spliced !== undefined) {
        this.splices.push(spliced);
        for (const each of this.#waiting) this.#remove(each);
        this.#waiting = [];
      }
    }
    this.#standAlone();
    this.#last = index;
  }

  #standAlone(): void {
    const [first, ...others] = this.#waiting;
    if (first === undefined) return;
    const { start, end } = this.#items[first] as JsonNode;
    const text = JSON.stringify({ role: "user", content: this.#waitingText() });
    this.taken.push(this.#items[first] as JsonNode);
    this.splices.push({ start, end, text });
    for (const index of others) this.#remove(index);
    this.#waiting = [];
  }

  #waitingText(): string {
    return this.#waiting.map((index) => asReminder(textOf(this.#messages[index] as ChatMessage))).join("\n\n");
  }

  /** With the comma before it: the first message is never one that goes. */
  #remove(index: number): void {
    const item = this.#items[index] as JsonNode;
    this.taken.push(item);
    this.splices.push({ start: (this.#items[index - 1] as JsonNode).end, end: item.end, text: "" });
  }

  #contentOf(index: number): JsonNode | undefined {
    const item = this.#items[index];
    return item?.kind === "object" ? item.members.get("content") : undefined;
  }
}

/** The splices that are of none of these values. */
function outside(values: readonly JsonNode[], splices: readonly Splice[]): readonly Splice[] {
  let next = 0;
  return splices
    .toSorted((a, b) => a.start - b.start)
    .filter(({ start }) => {
      while ((values[next]?.end ?? Number.POSITIVE_INFINITY) <= start) next += 1;
      return start < (values[next]?.start ?? Number.POSITIVE_INFINITY);
    });
}

function textOf({ content }: ChatMessage): string {
  if (typeof content === "string") return content;
  return (content ?? []).flatMap(({ text }) => (typeof text === "string" ? [text] : [])).join("\n\n");
}

/** @returns `undefined` where the content is neither a text nor a list of parts */
function added(content: JsonNode | undefined, text: string, where: "start" | "end"): Splice | undefined {
  if (content?.kind !== "string" && content?.kind !== "array") return undefined;
  const at = where === "start" ? content.start + 1 : content.end - 1;
  const isEmpty = content.kind === "string" ? content.value === "" : content.items.length === 0;
  const [written, gap] =
    content.kind === "string"
      ? [JSON.stringify(text).slice(1, -1), "\\n\\n"]
      : [JSON.stringify({ type: "text", text }), ","];
  const between = isEmpty ? "" : gap;
  return { start: at, end: at, text: where === "start" ? written + between : between + written };
}
