import type { ChatChunk, ChatDelta, ToolCallDelta } from "@hearth/dialects";
import fc from "fast-check";

/** One thing that a backend says, as a delta or a part of one. */
export type Saying =
  | { readonly kind: "reasoning" | "text" | "refusal"; readonly text: string }
  | { readonly kind: "call"; readonly call: number; readonly text: string };

/** Everything that was said, put together. */
export interface Said {
  readonly reasoning: string;
  readonly text: string;
  readonly refusal: string;
  /** In the order of their first deltas. */
  readonly calls: readonly { readonly id: string; readonly name: string; readonly arguments: string }[];
}

const words = fc.string({ unit: "binary", maxLength: 6 });

/** Sayings in any order: thoughts, texts and pieces of up to four calls, interleaved at will. */
export const anySayings: fc.Arbitrary<readonly Saying[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constantFrom("reasoning" as const, "text" as const, "refusal" as const), text: words }),
    fc.record({ kind: fc.constant("call" as const), call: fc.nat(3), text: words }),
    fc.record({ kind: fc.constant("call" as const), call: fc.nat(3), text: words }),
  ),
  { maxLength: 24 },
);

/** An answer that makes sense: thoughts, then a text, then calls with JSON arguments that arrive in any interleaving. */
export const sensibleSayings: fc.Arbitrary<readonly Saying[]> = fc
  .record({
    reasoning: fc.array(words, { maxLength: 4 }),
    text: fc.array(words, { maxLength: 4 }),
    calls: fc.array(fc.dictionary(fc.string({ maxLength: 4 }), fc.jsonValue({ maxDepth: 2 })), { maxLength: 4 }),
    cuts: fc.infiniteStream(fc.nat(5)),
    turns: fc.infiniteStream(fc.nat(3)),
  })
  .map(({ reasoning, text, calls, cuts, turns }) => {
    const queues = calls.map((args) => cut(JSON.stringify(args), cuts));
    const sayings: Saying[] = [
      ...reasoning.map((each) => ({ kind: "reasoning" as const, text: each })),
      ...text.map((each) => ({ kind: "text" as const, text: each })),
      // Each call begins in its turn; what follows comes in any order.
      ...queues.map((queue, call) => ({ kind: "call" as const, call, text: queue.shift() ?? "" })),
    ];
    while (queues.some((queue) => queue.length > 0)) {
      const open = [...queues.keys()].filter((call) => (queues[call]?.length ?? 0) > 0);
      const call = open[(turns.next().value ?? 0) % open.length] ?? 0;
      sayings.push({ kind: "call", call, text: queues[call]?.shift() ?? "" });
    }
    return sayings;
  });

function cut(text: string, cuts: Iterator<number>): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length; ) {
    const length = cuts.next().value ?? 1; // 0 makes an empty piece, as some backends send
    pieces.push(text.slice(at, at + length));
    at += length;
  }
  return pieces;
}

export function saidIn(sayings: readonly Saying[]): Said {
  const join = (kind: Saying["kind"]): string =>
    sayings.flatMap((each) => (each.kind === kind ? [each.text] : [])).join("");
  const order = [...new Set(sayings.flatMap((each) => (each.kind === "call" ? [each.call] : [])))];
  const calls = order.map((call) => ({
    id: `call_${call}`,
    name: `tool_${call}`,
    arguments: sayings.flatMap((each) => (each.kind === "call" && each.call === call ? [each.text] : [])).join(""),
  }));
  return { reasoning: join("reasoning"), text: join("text"), refusal: join("refusal"), calls };
}

/**
 * The chunks of a chat backend that says this.
 *
 * @param together how many pieces of calls in a row share a chunk
 */
export function chunksOf(sayings: readonly Saying[], together: number, finishReason = "stop"): ChatChunk[] {
  const deltas: ChatDelta[] = [{ role: "assistant", content: "" }];
  const begun = new Set<number>();
  let group: ToolCallDelta[] = [];
  for (const saying of sayings) {
    if (saying.kind !== "call") {
      group = [];
      deltas.push({ [MEMBERS[saying.kind]]: saying.text });
      continue;
    }
    const piece = callPiece(saying.call, saying.text, !begun.has(saying.call));
    begun.add(saying.call);
    if (group.length === 0 || group.length >= together) {
      group = [];
      deltas.push({ tool_calls: group });
    }
    group.push(piece);
  }
  const chunks = deltas.map((delta) => chunk(delta, null));
  return [...chunks, chunk({}, begun.size > 0 && finishReason === "stop" ? "tool_calls" : finishReason)];
}

const MEMBERS = { reasoning: "reasoning_content", text: "content", refusal: "refusal" } as const;

function callPiece(call: number, text: string, first: boolean): ToolCallDelta {
  if (!first) return { index: call, function: { arguments: text } };
  return { index: call, id: `call_${call}`, type: "function", function: { name: `tool_${call}`, arguments: text } };
}

function chunk(delta: ChatDelta, finishReason: string | null): ChatChunk {
  const choices = [{ index: 0, delta, finish_reason: finishReason }];
  return { id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "m", choices };
}
