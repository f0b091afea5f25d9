import type { Script } from "../scripted/scripted-provider.js";
import type { ScriptedStream } from "../scripted/scripted-stream.js";
import { chatOf, type TurnScript } from "./rendering-front.js";

/** A tool call as a backend sends it: the name first, then its arguments piece by piece. */
export interface CallPlan {
  readonly id: string;
  readonly name: string;
  readonly pieces: readonly string[];
}

export const WEATHER: readonly CallPlan[] = [
  { id: "call_a", name: "weather", pieces: ['{"city":', '"Bern"}'] },
  { id: "call_b", name: "weather", pieces: ['{"city"', ':"Köln"', "}"] },
];

/** One chat chunk with this delta. */
export function delta(stream: ScriptedStream, delta: object, finishReason: string | null = null): void {
  stream.event(stream.chunk(delta, finishReason));
}

/** Sends these calls, their pieces interleaved as a backend does that generates them at once. */
export function callTools(stream: ScriptedStream, calls: readonly CallPlan[]): void {
  stream.role();
  for (const [index, { id, name }] of calls.entries()) {
    delta(stream, { tool_calls: [{ index, id, type: "function", function: { name, arguments: "" } }] });
  }
  const rounds = Math.max(...calls.map((call) => call.pieces.length));
  for (let round = 0; round < rounds; round++) {
    for (const [index, { pieces }] of calls.entries()) {
      const piece = pieces[round];
      if (piece !== undefined) delta(stream, { tool_calls: [{ index, function: { arguments: piece } }] });
    }
  }
  stream.finish("tool_calls");
  stream.end();
}

interface SentMessage {
  readonly role: string;
  readonly content: unknown;
}

export function messagesOf(stream: ScriptedStream): readonly SentMessage[] {
  return stream.body["messages"] as readonly SentMessage[];
}

/** A provider whose model says what the script does. */
export function playing(script: TurnScript): Script {
  return (stream) => {
    const next = script(chatOf(stream.body as Parameters<typeof chatOf>[0]));
    if (typeof next === "string") return stream.answer(next);
    const pieces = [JSON.stringify(next.args)];
    callTools(stream, [{ id: `call_${messagesOf(stream).length}`, name: next.name, pieces }]);
  };
}

/** A model that asks for the weather of both cities, and then says what it was told. */
export const weatherModel: Script = (stream) => {
  const results = messagesOf(stream).filter((message) => message.role === "tool");
  if (results.length === 0) callTools(stream, WEATHER);
  else stream.answer(results.map((message) => message.content).join(" and "));
};
