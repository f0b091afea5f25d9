import { type EventDialectName, splice, writeJson } from "@hearth/dialects";
import type { RequestFrame } from "@hearth/protocol";
import type { OutboundForm, OutboundRequest } from "../../dispatch/outbound-request.js";
import { type Steps, spansTurns } from "../../platform/steps.js";
import { memberSplices } from "../json/member-splices.js";
import type { JsonBody } from "../json-body.js";
import type { Edits } from "../member-edits.js";
import { readingOf } from "./reading-of.js";

export interface FormsOptions {
  readonly body: JsonBody;
  readonly native: {
    readonly dialect: EventDialectName;
    /** What changes in the consumer's own text, besides the model's name. */
    readonly edits: Edits;
  };
  readonly delivery: RequestFrame["delivery"];
  /** The members of the chat completions body, besides the model's name. */
  readonly chat: Readonly<Record<string, unknown>>;
}

/**
 * A request in both its forms: the consumer's own text where the backend speaks the dialect, else a chat. The chat is
 * written when it is first wanted; that of a large body at once, because writing it takes turns of its own.
 */
export function* outboundFormSteps({ body, native, delivery, chat }: FormsOptions): Steps<OutboundRequest["form"]> {
  let members: Buffer | undefined;
  const writeMembers = (): string =>
    writeJson({ ...chat, stream: true, stream_options: { include_usage: true } }).slice(1);
  if (spansTurns(body.raw.length)) {
    const text = writeMembers();
    yield;
    members = Buffer.from(text);
    yield;
  }
  const chatForm = (build: string): OutboundForm => {
    members ??= Buffer.from(writeMembers());
    const head = Buffer.from(`{"model":${JSON.stringify(build)},`);
    const whole = Buffer.concat([head, members]);
    return { dialect: "chat_completions", body: whole, ...readingOf("chat_completions", delivery) };
  };
  const nativeForm = (build: string): OutboundForm => {
    const edits = new Map(native.edits).set("model", JSON.stringify(build)).set("stream", "true");
    const { dialect } = native;
    const text = splice(body.object.text, memberSplices(body.object, edits));
    return { dialect, body: Buffer.from(text), ...readingOf(dialect, delivery) };
  };
  return ({ dialects }, build) => (dialects.includes(native.dialect) ? nativeForm(build) : chatForm(build));
}
