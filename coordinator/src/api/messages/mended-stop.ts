import { isObject, memberSplices, type NamedEvent, readMembers, splice } from "@hearth/dialects";
import type { Mending } from "../translation/event-reply.js";

/** The reason of an answer that a stop sequence has ended. */
const STOP_SEQUENCE = "stop_sequence";

/**
 * llama-server (b11669) names the stop sequence that has ended an answer, and gives `end_turn` as the reason all the
 * same: clients go by the reason.
 *
 * @param asked the stop sequences that the consumer has asked for; a template has others
 */
export function mendedStop(asked: readonly string[]): Mending {
  const isWrong = ({ stop_reason: reason, stop_sequence: sequence }: Readonly<Record<string, unknown>>): boolean =>
    reason === "end_turn" && typeof sequence === "string" && asked.includes(sequence);
  return {
    event(event: NamedEvent): NamedEvent | undefined {
      const delta = event["delta"];
      if (!isObject(delta) || !isWrong(delta)) return undefined;
      return { ...event, delta: { ...delta, stop_reason: STOP_SEQUENCE } };
    },
    body(bytes, parsed) {
      if (!isObject(parsed) || !isWrong(parsed)) return undefined;
      const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
      const read = readMembers(text);
      if (read.type !== "object") return undefined;
      const edits = new Map([["stop_reason", JSON.stringify(STOP_SEQUENCE)]]);
      return Buffer.from(splice(text, memberSplices(read.object, edits)));
    },
  };
}
