import { type ChatChunk, ChunkRepair } from "@hearth/dialects";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anySayings, chunksOf, saidIn } from "../../testing/chat-answers.js";
import { type BlockEvent, BlockSequencer } from "./block-sequencer.js";

function sequence(chunks: readonly ChatChunk[]): BlockEvent[] {
  const repair = new ChunkRepair({ id: "c", model: "m", created: 1 });
  const sequencer = new BlockSequencer();
  return [...chunks.flatMap((chunk) => sequencer.next(repair.next(chunk) ?? { choices: [] })), ...sequencer.end()];
}

/** The blocks in order, each with all its text; throws where two would be open at once. */
function blocksOf(events: readonly BlockEvent[]): { readonly kind: string; readonly name?: string; text: string }[] {
  const blocks: { kind: string; name?: string; text: string }[] = [];
  let open = false;
  for (const event of events) {
    switch (event.type) {
      case "open":
        if (open) throw new Error("two blocks are open");
        blocks.push({ ...event.block, text: "" });
        break;
      case "delta":
        if (!open) throw new Error("a delta for a closed block");
        blocks.at(-1)!.text += event.text;
        break;
      case "close":
        if (!open) throw new Error("a closed block is closed");
        break;
    }
    open = event.type !== "close";
  }
  if (open) throw new Error("a block is never closed");
  return blocks;
}

describe("the blocks of an answer", () => {
  it("keep every byte in its block, one open at a time, for any interleaving and chunking", () => {
    fc.assert(
      fc.property(anySayings, fc.integer({ min: 1, max: 4 }), (sayings, together) => {
        const blocks = blocksOf(sequence(chunksOf(sayings, together)));
        const said = saidIn(sayings);
        const join = (kind: string): string =>
          blocks.flatMap((block) => (block.kind === kind ? [block.text] : [])).join("");
        expect({ reasoning: join("reasoning"), text: join("text"), refusal: join("refusal") }).toEqual({
          reasoning: said.reasoning,
          text: said.text,
          refusal: said.refusal,
        });
        const calls = blocks.filter((block) => block.kind === "tool");
        expect(calls.map(({ name, text }) => ({ name, arguments: text }))).toEqual(
          said.calls.map(({ name, arguments: args }) => ({ name, arguments: args.trim() === "" ? `${args}{}` : args })),
        );
      }),
      { numRuns: 500 },
    );
  });

  it("show the first call while it is made, and the others when it is complete", () => {
    const piece = (call: number, text: string) => ({ kind: "call" as const, call, text });
    const chunks = chunksOf([piece(0, "a"), piece(1, "x"), piece(0, "b"), piece(1, "y")], 1);
    const sequencer = new BlockSequencer();
    const live = chunks.flatMap((chunk) => sequencer.next(chunk));
    expect(blocksOf([...live, { type: "close" }])).toMatchObject([{ name: "tool_0", text: "ab" }]);
    expect(blocksOf(sequencer.end().slice(1))).toMatchObject([{ name: "tool_1", text: "xy" }]);
  });

  it("stay in the order of what was said, where nothing was interleaved", () => {
    const events = sequence(
      chunksOf(
        [
          { kind: "reasoning", text: "hm" },
          { kind: "text", text: "well" },
          { kind: "reasoning", text: "wait" },
          { kind: "text", text: "yes" },
          { kind: "call", call: 0, text: "{}" },
          { kind: "text", text: "after" },
        ],
        1,
      ),
    );
    expect(blocksOf(events).map(({ kind, text }) => [kind, text])).toEqual([
      ["reasoning", "hm"],
      ["text", "well"],
      ["reasoning", "wait"],
      ["text", "yes"],
      ["tool", "{}"],
      ["text", "after"],
    ]);
  });
});

it("an answer in more parts than any model means is the provider's failure", () => {
  const sequencer = new BlockSequencer();
  const call = (index: number): ChatChunk => ({
    choices: [
      { index: 0, delta: { tool_calls: [{ index, id: `c${index}`, type: "function", function: { name: "f" } }] } },
    ],
  });
  expect(() => {
    for (let index = 0; index < 10_000; index++) sequencer.next(call(index));
  }).toThrow(expect.objectContaining({ code: "provider_error" }));
});

describe("what ended an answer", () => {
  const endedBy = (choice: object): BlockSequencer => {
    const sequencer = new BlockSequencer();
    sequencer.next({ choices: [{ index: 0, delta: {}, finish_reason: "stop", ...choice }] });
    return sequencer;
  };

  it("is the stop sequence that vLLM or SGLang names", () => {
    expect(endedBy({ stop_reason: "END" }).stopSequence).toBe("END");
    expect(endedBy({ matched_stop: "END" }).stopSequence).toBe("END");
  });

  it("is no stop sequence where a token is named", () => {
    expect(endedBy({ stop_reason: 151643 }).stopSequence).toBeUndefined();
  });
});
