import { CHAR, MAX_JSON_DEPTH, stringEnd, stringValue } from "./json-text.js";

/** A JSON value, and where it stands in its text. */
export type JsonNode = JsonObject | JsonArray | JsonString | JsonPlain;

export interface JsonObject {
  readonly kind: "object";
  readonly start: number;
  readonly end: number;
  readonly members: ReadonlyMap<string, JsonNode>;
}

export interface JsonArray {
  readonly kind: "array";
  readonly start: number;
  readonly end: number;
  readonly items: readonly JsonNode[];
}

export interface JsonString {
  readonly kind: "string";
  readonly start: number;
  readonly end: number;
  readonly value: string;
}

/** A number, `true`, `false` or `null`. */
export interface JsonPlain {
  readonly kind: "plain";
  readonly start: number;
  readonly end: number;
}

/** The text is not what it was taken for; nothing may be changed in it. */
class Doubt extends Error {}

/**
 * Reads the JSON value that starts at `start`, white space before it allowed, in linear time.
 *
 * @returns `undefined` for what is doubtful: no JSON, a name that occurs twice in one object, more than
 *   `MAX_JSON_DEPTH` levels
 */
export function readNode(text: string, start: number): JsonNode | undefined {
  try {
    return new NodeReader(text, start).read(MAX_JSON_DEPTH);
  } catch (thrown) {
    if (thrown instanceof Doubt || thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
}

class NodeReader {
  readonly #text: string;
  #at: number;

  constructor(text: string, at: number) {
    this.#text = text;
    this.#at = at;
  }

  read(levels: number): JsonNode {
    switch (this.#next()) {
      case CHAR.openBrace:
        return this.#object(levels);
      case CHAR.openBracket:
        return this.#array(levels);
      case CHAR.quote:
        return this.#string();
    }
    return this.#plain();
  }

  #object(levels: number): JsonObject {
    if (levels === 0) throw new Doubt();
    const start = this.#at;
    const members = new Map<string, JsonNode>();
    this.#at += 1;
    if (this.#next() === CHAR.closeBrace) return { kind: "object", start, end: this.#take(CHAR.closeBrace), members };
    for (;;) {
      if (this.#next() !== CHAR.quote) throw new Doubt();
      const { value: key } = this.#string();
      this.#next();
      this.#take(CHAR.colon);
      if (members.has(key)) throw new Doubt();
      members.set(key, this.read(levels - 1));
      if (this.#next() !== CHAR.comma) return { kind: "object", start, end: this.#take(CHAR.closeBrace), members };
      this.#at += 1;
    }
  }

  #array(levels: number): JsonArray {
    if (levels === 0) throw new Doubt();
    const start = this.#at;
    const items: JsonNode[] = [];
    this.#at += 1;
    if (this.#next() === CHAR.closeBracket) return { kind: "array", start, end: this.#take(CHAR.closeBracket), items };
    for (;;) {
      items.push(this.read(levels - 1));
      if (this.#next() !== CHAR.comma) return { kind: "array", start, end: this.#take(CHAR.closeBracket), items };
      this.#at += 1;
    }
  }

  #string(): JsonString {
    const start = this.#at;
    const end = stringEnd(this.#text, start);
    if (end === -1) throw new Doubt();
    this.#at = end + 1;
    return { kind: "string", start, end: end + 1, value: stringValue(this.#text, start, end) };
  }

  #plain(): JsonPlain {
    const start = this.#at;
    while (this.#at < this.#text.length && !endsPlain(this.#text.charCodeAt(this.#at))) this.#at += 1;
    if (this.#at === start) throw new Doubt();
    return { kind: "plain", start, end: this.#at };
  }

  /** The character behind any white space. */
  #next(): number {
    const text = this.#text;
    let code = text.charCodeAt(this.#at);
    while (code === CHAR.space || code === CHAR.lf || code === CHAR.tab || code === CHAR.cr) {
      this.#at += 1;
      code = text.charCodeAt(this.#at);
    }
    return code;
  }

  /** @returns the index behind the character, which must be this one */
  #take(code: number): number {
    if (this.#text.charCodeAt(this.#at) !== code) throw new Doubt();
    this.#at += 1;
    return this.#at;
  }
}

function endsPlain(code: number): boolean {
  return code === CHAR.comma || code <= CHAR.space || code === CHAR.closeBrace || code === CHAR.closeBracket;
}
