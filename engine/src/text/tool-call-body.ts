import { isSpace, JsonValueScanner } from "./json-value-scanner.js";

/** What came to light about a call. `arguments` are pieces of one JSON text, to be joined. */
export type CallPart =
  | { readonly type: "name"; readonly name: string }
  | { readonly type: "arguments"; readonly text: string };

/**
 * Where the reader stands in `{"name": …, "arguments": …}`:
 * - `open`: before the opening bracket
 * - `key`: before a key, a comma or the closing bracket
 * - `in_key`: inside a key
 * - `colon`: between a key and its value
 * - `value`: inside a value
 * - `closed`: after the closing bracket
 * - `broken`: this is no such object
 */
type Place = "open" | "key" | "in_key" | "colon" | "value" | "closed" | "broken";

/** `parameters` is what some models write instead. */
const ARGUMENT_KEYS: ReadonlySet<string> = new Set(["arguments", "parameters"]);

/**
 * Reads the JSON object of one tool call while it is being generated. The name comes out first, whatever the order of
 * the keys; then the arguments as they come. Arguments that are a string are taken for JSON in a string.
 */
export class ToolCallBody {
  #place: Place = "open";
  #scanner = new JsonValueScanner();
  #key = "";
  #value = "";
  #name: string | undefined;
  #argumentsText = "";
  #argumentsShown = 0;

  get closed(): boolean {
    return this.#place === "closed";
  }

  get broken(): boolean {
    return this.#place === "broken";
  }

  /** The name has been given out: the consumer knows of this call. */
  get announced(): boolean {
    return this.#name !== undefined;
  }

  /** Reads as much as belongs to the object; returns what is new, and how many characters were read. */
  push(text: string): { parts: CallPart[]; read: number } {
    const announcedBefore = this.announced;
    let read = 0;
    while (read < text.length && !this.closed && !this.broken) {
      if (this.#step(text.charAt(read))) read++;
    }
    const parts: CallPart[] = [];
    if (this.#name !== undefined && !announcedBefore) parts.push({ type: "name", name: this.#name });
    const fresh = this.#name === undefined ? "" : this.#freshArguments();
    if (fresh !== "") parts.push({ type: "arguments", text: fresh });
    return { parts, read };
  }

  #freshArguments(): string {
    const text = this.closed && this.#argumentsText === "" ? "{}" : this.#argumentsText;
    const fresh = text.slice(this.#argumentsShown);
    this.#argumentsShown = text.length;
    return fresh;
  }

  /** Returns whether the character was used up; if not, it is to be looked at again from the new place. */
  #step(char: string): boolean {
    switch (this.#place) {
      case "open":
        return this.#expect(char, { "{": "key" });
      case "key":
        return this.#beforeKey(char);
      case "in_key":
        return this.#insideKey(char);
      case "colon":
        return this.#expect(char, { ":": "value" });
      case "value":
        return this.#insideValue(char);
      case "closed":
      case "broken":
        return false;
    }
  }

  #expect(char: string, next: Readonly<Record<string, Place>>): boolean {
    if (!isSpace(char)) this.#place = next[char] ?? "broken";
    return true;
  }

  #beforeKey(char: string): boolean {
    if (char === '"') {
      this.#place = "in_key";
      this.#key = "";
      this.#scanner = new JsonValueScanner();
      return false;
    }
    return this.#expect(char, { ",": "key", "}": "closed" });
  }

  #insideKey(char: string): boolean {
    this.#key += char;
    if (!this.#scanner.step(char).done) return true;
    const key = parseJson(this.#key);
    this.#key = typeof key === "string" ? key : "";
    this.#place = "colon";
    this.#value = "";
    this.#scanner = new JsonValueScanner();
    return true;
  }

  #insideValue(char: string): boolean {
    if (this.#value === "" && isSpace(char)) return true;
    const { included, done } = this.#scanner.step(char);
    if (included) this.#value += char;
    if (included && this.#streams()) this.#argumentsText += char;
    if (done) this.#endOfValue();
    return included;
  }

  /** Only an object can be shown before its end is known. */
  #streams(): boolean {
    return ARGUMENT_KEYS.has(this.#key) && this.#value.startsWith("{");
  }

  #endOfValue(): void {
    this.#place = "key";
    if (this.#key === "name") {
      const name = parseJson(this.#value);
      if (typeof name !== "string" || name === "") this.#place = "broken";
      else this.#name ??= name;
    } else if (ARGUMENT_KEYS.has(this.#key) && !this.#streams()) {
      const text = parseJson(this.#value);
      this.#argumentsText += typeof text === "string" ? text : "";
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
