import { type EventDialectName, memberSplices, splice, writeJson } from "@hearth/dialects";
import type { RequestFrame } from "@hearth/protocol";
import type { ModelAbilities, OutboundForm, OutboundRequest } from "../../dispatch/outbound-request.js";
import { type Steps, spansTurns } from "../../platform/steps.js";
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
  /** The messages for a model that takes no images; absent = the same. */
  readonly unseen?: readonly ChatMessage[] | undefined;
  /** The other members of the chat completions body, besides the model's name. */
  readonly chat: Readonly<Record<string, unknown>>;
  /** Members of it that go by the backend; absent = none. */
  readonly chatFor?: ((able: ModelAbilities) => Readonly<Record<string, unknown>>) | undefined;
}

/**
 * A request in all its forms: the consumer's own text where the backend speaks the dialect, else a chat, with its turns
 * as they came where the model takes them so, else as every template takes them. Each is written when
 * it is first wanted; those of a large body at once, because writing them takes turns of its own.
 */
export function* outboundFormSteps(options: FormsOptions): Steps<OutboundRequest["form"]> {
  const { body, native, delivery, messages, unseen, chat, chatFor } = options;
  const seen = new ChatForms(messages, chat);
  yield;
  const told = unseen === undefined ? seen : new ChatForms(unseen, chat);
  yield;
  if (spansTurns(body.raw.length)) for (const forms of new Set([seen, told])) yield* forms.writeSteps();
  const chatForm = (members: ChatMembers, able: ModelAbilities, build: string): OutboundForm => {
    const own = { model: build, ...chatFor?.(able) };
    const head = Buffer.from(`${JSON.stringify(own).slice(0, -1)},`);
    const whole = Buffer.concat([head, members.bytes()]);
    return { dialect: "chat_completions", body: whole, ...readingOf("chat_completions", delivery) };
  };
  const nativeForm = ({ dialect, edits: own }: NativeForm, build: string): OutboundForm => {
    const edits = new Map(own).set("model", JSON.stringify(build)).set("stream", "true");
    const text = splice(body.object.text, memberSplices(body.object, edits));
    return { dialect, body: Buffer.from(text), ...readingOf(dialect, delivery) };
  };
  return (able, build) => {
    const { dialects, systemAnywhere = false, vision = false } = able;
    const forms = vision ? seen : told;
    const members = forms.membersFor(able);
    if (native !== undefined && forms === seen && dialects.includes(native.dialect)) {
      // A backend that is asked natively hands its template the turns as they are.
      if (members === forms.asItCame && (systemAnywhere || !native.severalSystems)) return nativeForm(native, build);
    }
    return chatForm(members, able, build);
  };
}

/** A chat with its turns as they came, as a template takes them that counts none, and as every template takes them. */
class ChatForms {
  readonly asItCame: ChatMembers;
  readonly #marked: ChatMembers;
  readonly #settled: ChatMembers;

  constructor(messages: readonly ChatMessage[], others: Readonly<Record<string, unknown>>) {
    this.asItCame = new ChatMembers(messages, others);
    const written = (turns: readonly ChatMessage[]): ChatMembers =>
      turns === messages ? this.asItCame : new ChatMembers(turns, others);
    this.#marked = written(settledTurns(messages, "free"));
    this.#settled = written(settledTurns(messages));
  }

  membersFor({ systemAnywhere = false, turnsAnywhere = false }: ModelAbilities): ChatMembers {
    if (!turnsAnywhere) return this.#settled;
    return systemAnywhere ? this.asItCame : this.#marked;
  }

  *writeSteps(): Steps<void> {
    for (const members of new Set([this.asItCame, this.#marked, this.#settled])) yield* members.writeSteps();
  }
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
