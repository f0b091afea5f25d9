/** The one argument of the function that stands for a custom tool. */
export const FREEFORM_ARGUMENT = "input";

/** What opens the arguments as nearly every model writes them: from there on the text itself is streamed. */
const OPENING = /^\s*\{\s*"input"\s*:\s*"/;
/** No opening is longer, characters: what is not one by then is read when it is whole. */
const LONGEST_OPENING = 256;

const ESCAPES: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

type State =
  /** Too little is known. */
  | { readonly at: "opening"; readonly text: string }
  /** Within the string; `carry` is the beginning of an escape or of a pair of surrogates. */
  | { readonly at: "string"; readonly carry: string }
  /** No JSON: a model that ignores the function and writes the text as it is. */
  | { readonly at: "raw" }
  /** JSON of another form: only the whole of it tells. */
  | { readonly at: "whole"; readonly text: string }
  | { readonly at: "ended" };

/**
 * Reads the text that a custom tool is called with out of the arguments of the function that stands for it
 * (`{"input": "…"}`), piece by piece as they come. A model that writes the text without the JSON around it is
 * understood, and so is one that calls the member otherwise.
 */
export class FreeformInput {
  #state: State = { at: "opening", text: "" };

  /** @returns what more of the text is known now */
  push(piece: string): string {
    switch (this.#state.at) {
      case "opening":
        return this.#open(this.#state.text + piece);
      case "string":
        return this.#decode(this.#state.carry + piece);
      case "raw":
        return piece;
      case "whole":
        this.#state = { at: "whole", text: this.#state.text + piece };
        return "";
      case "ended":
        return "";
    }
  }

  /** The arguments are complete. @returns what was left of the text */
  end(): string {
    const state = this.#state;
    this.#state = { at: "ended" };
    return state.at === "opening" || state.at === "whole" ? textIn(state.text) : "";
  }

  #open(text: string): string {
    const opening = OPENING.exec(text);
    if (opening !== null) return this.#decode(text.slice(opening[0].length));
    const first = text.trimStart()[0];
    if (first !== undefined && first !== "{") {
      this.#state = { at: "raw" };
      return text;
    }
    this.#state = { at: text.length > LONGEST_OPENING ? "whole" : "opening", text };
    return "";
  }

  #decode(text: string): string {
    let decoded = "";
    let at = 0;
    while (at < text.length) {
      const special = text.slice(at).search(/["\\]/);
      const plainEnd = special === -1 ? text.length : at + special;
      decoded += text.slice(at, plainEnd);
      at = plainEnd;
      if (text[at] === '"') {
        this.#state = { at: "ended" };
        return decoded;
      }
      if (text[at] !== "\\") break;
      const escaped = escapeAt(text, at);
      if (escaped === undefined) break;
      decoded += escaped.char;
      at = escaped.end;
    }
    return this.#carry(decoded, text.slice(at));
  }

  /** Half a pair of surrogates is no text: it waits for the other half. */
  #carry(decoded: string, rest: string): string {
    const last = decoded.charCodeAt(decoded.length - 1);
    const isHalf = last >= 0xd800 && last <= 0xdbff;
    const half = isHalf ? decoded.slice(-1) : "";
    this.#state = { at: "string", carry: half + rest };
    return isHalf ? decoded.slice(0, -1) : decoded;
  }
}

/** @returns `undefined` where it is not complete yet */
function escapeAt(text: string, at: number): { readonly char: string; readonly end: number } | undefined {
  const kind = text[at + 1];
  if (kind === undefined) return undefined;
  if (kind !== "u") return { char: ESCAPES[kind] ?? kind, end: at + 2 };
  const digits = text.slice(at + 2, at + 6);
  if (digits.length < 4) return undefined;
  const code = Number.parseInt(digits, 16);
  return { char: Number.isNaN(code) ? digits : String.fromCharCode(code), end: at + 6 };
}

/** The text in arguments that are complete: its member, or the only string there, or the arguments themselves. */
function textIn(args: string): string {
  let value: unknown;
  try {
    value = JSON.parse(args);
  } catch {
    return args;
  }
  if (typeof value !== "object" || value === null) return args;
  const named = (value as Readonly<Record<string, unknown>>)[FREEFORM_ARGUMENT];
  if (typeof named === "string") return named;
  const [only, ...others] = Object.values(value);
  if (only === undefined) return "";
  return typeof only === "string" && others.length === 0 ? only : args;
}
