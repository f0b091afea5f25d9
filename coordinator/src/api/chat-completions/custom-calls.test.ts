import type { ChatChunk, ToolCallDelta } from "@hearth/dialects";
import fc from "fast-check";
import { expect, it } from "vitest";
import { CustomCalls, withCustomCalls } from "./custom-calls.js";

const NAMES = new Set(["k"]);
const chunkOf = (calls: readonly ToolCallDelta[], finish: string | null = null): ChatChunk => ({
  id: "c",
  choices: [{ index: 0, delta: { tool_calls: calls }, finish_reason: finish }],
});
const begun = (index: number, name: string, args = ""): ToolCallDelta => ({
  index,
  id: `call_${index}`,
  type: "function",
  function: { name, arguments: args },
});
const more = (index: number, args: string): ToolCallDelta => ({ index, function: { arguments: args } });

type Call = { readonly index: number; readonly custom?: { readonly input: string }; readonly function?: object };

it("tells the text of a custom call in pieces, however its arguments come, and leaves others alone", () => {
  fc.assert(
    fc.property(fc.string(), fc.nat({ max: 12 }), (text, size) => {
      const args = JSON.stringify({ input: text });
      const calls = new CustomCalls(NAMES);
      const told: Call[] = [];
      const take = (chunk: ChatChunk): void => {
        const { choices } = calls.chunk(chunk) as { readonly choices: { readonly delta: { tool_calls?: Call[] } }[] };
        told.push(...(choices[0]?.delta.tool_calls ?? []));
      };
      take(chunkOf([begun(0, "k"), begun(1, "f", "{}")]));
      for (let at = 0; at < args.length; at += size + 1) take(chunkOf([more(0, args.slice(at, at + size + 1))]));
      take(chunkOf([], "tool_calls"));
      const input = told.filter(({ index }) => index === 0).map(({ custom }) => custom?.input);
      expect(input.join("")).toBe(text);
      expect(told[0]).toMatchObject({ id: "call_0", type: "custom", custom: { name: "k" } });
      expect(told.filter(({ index }) => index === 1)).toEqual([begun(1, "f", "{}")]);
    }),
  );
});

it("tells what a model writes without the JSON around it", () => {
  const calls = new CustomCalls(NAMES);
  expect(calls.chunk(chunkOf([begun(0, "k", "*** Begin")])).choices?.[0]?.delta?.tool_calls).toEqual([
    { index: 0, id: "call_0", type: "custom", custom: { name: "k", input: "*** Begin" } },
  ]);
});

it("gives back the same chunk where there is nothing to tell", () => {
  const chunk = chunkOf([begun(0, "f", "{}")], "tool_calls");
  expect(new CustomCalls(NAMES).chunk(chunk)).toBe(chunk);
  expect(new CustomCalls(new Set()).chunk(chunk)).toBe(chunk);
});

it("tells the calls of a whole answer", () => {
  const message = { role: "assistant", tool_calls: [begun(0, "k", '{"input":"x"}'), begun(1, "f", "{}")] };
  expect(withCustomCalls({ choices: [{ message }] }, NAMES)).toEqual({
    choices: [
      {
        message: {
          role: "assistant",
          tool_calls: [{ id: "call_0", type: "custom", custom: { name: "k", input: "x" } }, begun(1, "f", "{}")],
        },
      },
    ],
  });
});
