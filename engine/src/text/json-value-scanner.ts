/**
 * Finds the end of one JSON value that comes character by character. `included` says that the character belongs to the
 * value; a number or a word ends only at the character after it, which is then not part of it.
 */
export interface ScanStep {
  readonly included: boolean;
  readonly done: boolean;
}

const INSIDE: ScanStep = { included: true, done: false };
const LAST: ScanStep = { included: true, done: true };
const BEYOND: ScanStep = { included: false, done: true };

/** Follows brackets and strings only: it finds the end of well-formed JSON, and does not prove it well-formed. */
export class JsonValueScanner {
  #depth = 0;
  #inString = false;
  #escaped = false;
  #started = false;

  step(char: string): ScanStep {
    if (this.#inString) return this.#insideString(char);
    const first = !this.#started;
    this.#started = true;
    if (char === '"') {
      this.#inString = true;
      return INSIDE;
    }
    if (char === "{" || char === "[") {
      this.#depth++;
      return INSIDE;
    }
    if (this.#depth > 0) return this.#closing(char);
    return !first && endsWord(char) ? BEYOND : INSIDE;
  }

  #closing(char: string): ScanStep {
    if (char !== "}" && char !== "]") return INSIDE;
    this.#depth--;
    return this.#depth === 0 ? LAST : INSIDE;
  }

  #insideString(char: string): ScanStep {
    if (this.#escaped) {
      this.#escaped = false;
    } else if (char === "\\") {
      this.#escaped = true;
    } else if (char === '"') {
      this.#inString = false;
      return this.#depth === 0 ? LAST : INSIDE;
    }
    return INSIDE;
  }
}

function endsWord(char: string): boolean {
  return char === "," || char === "}" || char === "]" || isSpace(char);
}

/** Whitespace as JSON knows it. */
export function isSpace(char: string): boolean {
  return char === " " || char === "\n" || char === "\t" || char === "\r";
}
