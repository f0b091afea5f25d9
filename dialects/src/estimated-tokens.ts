import { stringEnd } from "./json/json-text.js";
import { textTokens } from "./text-tokens.js";

/** Members of events and bodies that hold what a model reads or writes, in all dialects. */
const MEMBERS =
  /"(?:content|text|reasoning_content|reasoning|thinking|refusal|name|arguments|partial_json|delta|prompt|input|instructions|system|description|output)"\s*:\s*"/g;

/** Characters that are counted at once: a text in pieces is counted as the text that it is. */
const CHUNK_LENGTH = 8 * 1024;

/** Estimates the tokens of a text that comes in pieces, by the scripts that it is written in. */
export class TokenTally {
  #pending = "";
  #counted = 0;

  /** Takes the texts of an event's data, or of a body: JSON, which is not parsed as a whole. */
  add(json: string): void {
    MEMBERS.lastIndex = 0;
    for (let found = MEMBERS.exec(json); found !== null; found = MEMBERS.exec(json)) {
      const start = MEMBERS.lastIndex;
      const quote = stringEnd(json, start - 1);
      const end = quote === -1 ? json.length : quote;
      this.#text(unescaped(json.slice(start, end)));
      MEMBERS.lastIndex = end;
    }
  }

  get tokens(): number {
    return Math.round(this.#counted + textTokens(this.#pending));
  }

  #text(text: string): void {
    this.#pending += text;
    if (this.#pending.length < CHUNK_LENGTH) return;
    this.#counted += textTokens(this.#pending);
    this.#pending = "";
  }
}

/** What a string of JSON says; one that is cut off, as it stands. */
function unescaped(text: string): string {
  if (!text.includes("\\")) return text;
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    return text;
  }
}
