import type { ChatChunk, ChatChunkChoice, ToolCallDelta } from "@hearth/dialects";
import { FreeformInput } from "../translation/freeform-input.js";

/** Tells calls of the functions that stand for custom tools as what they are. Chunks must have gone through `ChunkRepair`. */
export class CustomCalls {
  readonly #names: ReadonlySet<string>;
  /** What is known of the texts of a choice's calls. */
  readonly #open = new Map<number, Map<number, FreeformInput>>();

  /** @param names of the custom tools */
  constructor(names: ReadonlySet<string>) {
    this.#names = names;
  }

  /** @returns the same chunk where it says nothing of such a call */
  chunk(chunk: ChatChunk): ChatChunk {
    if (this.#names.size === 0) return chunk;
    const choices = chunk.choices?.map((choice) => this.#choice(choice));
    if (choices === undefined || choices.every((choice, index) => choice === chunk.choices?.[index])) return chunk;
    return { ...chunk, choices };
  }

  #choice(choice: ChatChunkChoice): ChatChunkChoice {
    const { index = 0, delta, finish_reason: finish } = choice;
    const given = delta?.tool_calls ?? [];
    const told = given.flatMap((call) => this.#call(index, call));
    const calls = finish ? [...told, ...this.#ends(index)] : told;
    if (calls.length === given.length && calls.every((call, at) => call === given[at])) return choice;
    const { tool_calls: _, ...rest } = delta ?? {};
    return { ...choice, delta: { ...rest, ...(calls.length === 0 ? {} : { tool_calls: calls }) } };
  }

  #call(choice: number, call: ToolCallDelta): readonly ToolCallDelta[] {
    const { index = 0, id, function: called } = call;
    const open = this.#open.get(choice) ?? new Map<number, FreeformInput>();
    const piece = typeof called?.arguments === "string" ? called.arguments : "";
    if (called?.name && this.#names.has(called.name)) {
      const input = new FreeformInput();
      this.#open.set(choice, open.set(index, input));
      return [{ index, id: id ?? "", type: "custom", custom: { name: called.name, input: input.push(piece) } }];
    }
    const input = open.get(index);
    return input === undefined ? [call] : grown(index, input.push(piece));
  }

  #ends(choice: number): readonly ToolCallDelta[] {
    const open = [...(this.#open.get(choice) ?? [])];
    this.#open.delete(choice);
    return open.flatMap(([index, input]) => grown(index, input.end()));
  }
}

const grown = (index: number, input: string): readonly ToolCallDelta[] =>
  input === "" ? [] : [{ index, custom: { input } }];

interface Completion {
  readonly choices?: readonly { readonly message?: { readonly tool_calls?: readonly ToolCallDelta[] } }[];
}

/** The same of a whole answer. */
export function withCustomCalls(completion: Completion, names: ReadonlySet<string>): object {
  if (names.size === 0) return completion;
  const choices = completion.choices?.map((choice) => {
    const { message } = choice;
    const calls = message?.tool_calls?.map((call) => customCall(call, names));
    return calls === undefined ? choice : { ...choice, message: { ...message, tool_calls: calls } };
  });
  return { ...completion, choices };
}

function customCall(call: ToolCallDelta, names: ReadonlySet<string>): object {
  const { id, function: called } = call;
  if (!called?.name || !names.has(called.name)) return call;
  const reader = new FreeformInput();
  const input = reader.push(typeof called.arguments === "string" ? called.arguments : "") + reader.end();
  return { id, type: "custom", custom: { name: called.name, input } };
}
