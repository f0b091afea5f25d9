import { invalidMember } from "../../platform/errors.js";
import { added, done, type ItemEvent, type OutputItem } from "./output-item.js";
import { packReasoning } from "./packed-reasoning.js";
import type { Input } from "./parse.js";

/** What a model is asked where its client wants the conversation told in short. */
export const COMPACTION_PROMPT = [
  "The conversation has become too long to go on with. Write down what whoever takes it over has to know, because",
  "nothing else of it will be there: what the user wants, as exactly as the user said it; what has been done and found",
  "out, with the names of files, commands, functions, values and errors that will be needed again; what was decided, and",
  "why; what is still to do, and the next step. Write notes only: answer no question, and call no tool.",
].join(" ");

/**
 * Whether the last item asks for a short form of what stands before it. Codex sends it where it takes its server for
 * OpenAI's, and fails over any answer that has not one `compaction`.
 *
 * @throws HearthError `invalid_request` for one that is not the last
 */
export function asksForCompaction(input: Input): boolean {
  if (typeof input === "string") return false;
  const at = input.findIndex(({ type }) => type === "compaction_trigger");
  if (at === -1 || at === input.length - 1) return at !== -1;
  const param = `input[${at}]`;
  throw invalidMember(param, "a 'compaction_trigger' is the last item");
}

/** The notes of a model, for the client to carry to later requests. */
export class CompactionItem implements OutputItem {
  readonly #id: string;
  #text = "";

  constructor(id: string) {
    this.#id = id;
  }

  open(): readonly ItemEvent[] {
    return [added(this.#item())];
  }

  delta(delta: string): readonly ItemEvent[] {
    this.#text += delta;
    return [];
  }

  close(): readonly ItemEvent[] {
    return [done(this.#item())];
  }

  #item(): object {
    return { id: this.#id, type: "compaction", encrypted_content: packReasoning(this.#text) };
  }
}
