import { type EventDialectName, splice, writeJson } from "@hearth/dialects";
import type { RequestFrame } from "@hearth/protocol";
import type { OutboundForm, OutboundRequest } from "../../dispatch/outbound-request.js";
import { type Steps, spansTurns } from "../../platform/steps.js";
import { memberSplices } from "../json/member-splices.js";
import type { JsonBody } from "../json-body.js";
import type { Edits } from "../member-edits.js";
import type { ChatMessage } from "./conversation.js";
import { readingOf } from "./reading-of.js";
import { settledTurns } from "./settled-turns.js";

export interface NativeForm {
  readonly dialect: EventDialectName;
  /** What changes in the consumer's own text, besides the model's name. */
  readonly edits: Edits;
  /** It has several system messages, of which templates that take one would be handed all. */
  readonly severalSystems?: boolean;
}

export interface FormsOptions {
  readonly body: JsonBody;
  /** Absent = it says what no backend but the dialect's own knows: all of them get the chat. */
  readonly native: NativeForm | undefined;
  readonly delivery: RequestFrame["delivery"];
  readonly messages: readonly ChatMessage[];
  /** The other members of the chat completions body, besides the model's name. */
  readonly chat: Readonly<Record<string, unknown>>;
}

/**
 * A request in all its forms: the consumer's own text where the backend speaks the dialect, else a chat, with its turns
 * as they came where the model takes system messages anywhere, else as every template takes them. Each is written when
 * it is first wanted; those of a large body at once, because writing them takes turns of its own.
 */
export function* outboundFormSteps({
  body,
  native,
  delivery,
  messages,
  chat,
}: FormsOptions): Steps<OutboundRequest["form"]> {
  const settled = settledTurns(messages);
  yield;
  const asItCame = new ChatMembers(messages, chat);
  const asAllTakeIt = settled === messages ? asItCame : new ChatMembers(settled, chat);
  if (spansTurns(body.raw.length)) for (const members of new Set([asItCame, asAllTakeIt])) yield* members.writeSteps();
  const chatForm = (members: ChatMembers, build: string): OutboundForm => {
    const head = Buffer.from(`{"model":${JSON.stringify(build)},`);
    const whole = Buffer.concat([head, members.bytes()]);
    return { dialect: "chat_completions", body: whole, ...readingOf("chat_completions", delivery) };
  };
  const nativeForm = ({ dialect, edits: own }: NativeForm, build: string): OutboundForm => {
    const edits = new Map(own).set("model", JSON.stringify(build)).set("stream", "true");
    const text = splice(body.object.text, memberSplices(body.object, edits));
    return { dialect, body: Buffer.from(text), ...readingOf(dialect, delivery) };
  };
  return ({ dialects, systemAnywhere = false }, build) => {
    // A backend that is asked natively hands its template the turns as they are.
    const isNative = native !== undefined && dialects.includes(native.dialect);
    if (isNative && (systemAnywhere || (settled === messages && !native.severalSystems)))
      return nativeForm(native, build);
    return chatForm(systemAnywhere ? asItCame : asAllTakeIt, build);
  };
}

/** The members of a chat completions body behind the model's name, written once. */
class ChatMembers {
  readonly #members: Readonly<Record<string, unknown>>;
  #bytes: Buffer | undefined;

  constructor(messages: readonly ChatMessage[], others: Readonly<Record<string, unknown>>) {
    this.#members = { messages, ...others, stream: true, stream_options: { include_usage: true } };
  }

  bytes(): Buffer {
    this.#bytes ??= Buffer.from(this.#text());
    return this.#bytes;
  }

  *writeSteps(): Steps<void> {
    const text = this.#text();
    yield;
    this.#bytes = Buffer.from(text);
    yield;
  }

  #text(): string {
    return writeJson(this.#members).slice(1);
  }
}
