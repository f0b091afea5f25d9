import { type JsonBounds, JsonCount, MAX_TOP_LEVEL_MEMBERS, UNBOUNDED } from "./json-bounds.js";
import { CHAR, MAX_JSON_DEPTH, stringEnd, stringValue } from "./json-text.js";

/** A member of a JSON object: where its text is. `start` and `end` enclose the value. */
export interface JsonMember {
  readonly key: string;
  readonly start: number;
  readonly end: number;
  /** The whole member, from behind the brace or comma before it to the comma or brace after it. */
  readonly from: number;
  readonly to: number;
}

/** The members of a JSON object in its text, in order. */
export interface JsonObjectText {
  readonly text: string;
  readonly members: readonly JsonMember[];
  /** The index of the closing brace. */
  readonly close: number;
}

export type MembersResult =
  | { readonly type: "object"; readonly object: JsonObjectText }
  /** Nested deeper than `MAX_JSON_DEPTH`. */
  | { readonly type: "too_deep" }
  /** More of something than a body may have. */
  | { readonly type: "too_many"; readonly what: keyof JsonBounds | "top_level_members" }
  /** No JSON object. Not every text that is none is found out: `JSON.parse` has the last word. */
  | { readonly type: "malformed" };

/** {@link memberSteps} in one go. */
export function readMembers(text: string, bounds: JsonBounds = UNBOUNDED): MembersResult {
  const steps = memberSteps(text, bounds);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/**
 * Finds the top-level members of a JSON object in one pass over its text, and stops where the text is over a bound.
 * Yields every few milliseconds of a long text, for whoever lets others work in between. Never throws; time is linear.
 */
export function* memberSteps(text: string, bounds: JsonBounds): Generator<void, MembersResult> {
  try {
    return yield* new MemberScan(text, bounds).run();
  } catch {
    return { type: "malformed" }; // a key that is no JSON string
  }
}

type Token = "space" | "string" | "colon" | "comma" | "open" | "close" | "plain";

/** What a character begins, by char code. */
const TOKENS: readonly Token[] = tokenTable();

function tokenTable(): Token[] {
  const table = new Array<Token>(128).fill("plain");
  const kinds: Readonly<Record<string, Token>> = {
    " ": "space",
    "\t": "space",
    "\n": "space",
    "\r": "space",
    '"': "string",
    ":": "colon",
    ",": "comma",
    "{": "open",
    "[": "open",
    "}": "close",
    "]": "close",
  };
  for (const [char, token] of Object.entries(kinds)) table[char.charCodeAt(0)] = token;
  return table;
}

/** @returns `undefined` behind the end of the text */
function tokenAt(text: string, at: number): Token | undefined {
  const code = text.charCodeAt(at);
  return code < 128 ? TOKENS[code] : at < text.length ? "plain" : undefined;
}

// A text may be megabytes of white space or of digits, and an expression runs over them faster than a loop.
const NO_SPACE = /[^ \t\n\r]/g;
const NO_PLAIN = /[ \t\n\r":,{}[\]]/g;

/** The first index from `start` on where the expression matches, or the end of the text. */
function find(expression: RegExp, text: string, start: number): number {
  expression.lastIndex = start;
  return expression.exec(text)?.index ?? text.length;
}

/** Characters looked at between two yields. */
const SLICE_LENGTH = 2 * 1024 * 1024;

const MALFORMED: MembersResult = { type: "malformed" };
const TOO_DEEP: MembersResult = { type: "too_deep" };

/** One pass. Strings are jumped over, so that what looks like structure in them is not. */
class MemberScan {
  readonly #text: string;
  readonly #members: JsonMember[] = [];
  #at = 0;
  /** Where the current member begins, its name once it is known, and its value. */
  #from = 0;
  #key: string | undefined;
  #start = -1;
  #end = -1;
  /** Levels that are open inside the current value, before the character at hand. */
  #depth = 0;
  readonly #count: JsonCount;

  constructor(text: string, bounds: JsonBounds) {
    this.#text = text;
    this.#count = new JsonCount(bounds);
  }

  *run(): Generator<void, MembersResult> {
    this.#skipSpace();
    if (this.#text[this.#at] !== "{") return MALFORMED;
    this.#count.containers += 1;
    this.#at += 1;
    this.#from = this.#at;
    let pausedAt = this.#at;
    for (;;) {
      const result = this.#depth > 0 ? this.#nested() : this.#step();
      if (result !== undefined) return result;
      if (this.#at - pausedAt < SLICE_LENGTH) continue;
      pausedAt = this.#at;
      yield;
    }
  }

  #step(): MembersResult | undefined {
    switch (tokenAt(this.#text, this.#at)) {
      case undefined:
        return MALFORMED;
      case "space":
        this.#skipSpace();
        return undefined;
      case "colon":
        this.#at += 1;
        return undefined;
      case "string":
        return this.#string();
      case "open":
        this.#start = this.#at;
        return this.#nested();
      case "plain":
        return this.#plain();
      case "comma":
        return this.#endMember();
      case "close":
        return this.#endObject();
    }
  }

  #skipSpace(): void {
    this.#at = find(NO_SPACE, this.#text, this.#at);
  }

  /** A name or a value. */
  #string(): MembersResult | undefined {
    const end = stringEnd(this.#text, this.#at);
    if (end === -1) return MALFORMED;
    if (this.#key !== undefined) return this.#setValue(end + 1);
    this.#key = stringValue(this.#text, this.#at, end);
    this.#at = end + 1;
    return undefined;
  }

  /** A number, `true`, `false` or `null`. */
  #plain(): undefined {
    return this.#setValue(find(NO_PLAIN, this.#text, this.#at));
  }

  /**
   * An object or an array, or a slice of it: only its depth and the number of its values matter. Most of a body's
   * characters come by here, so that it goes by char codes.
   */
  #nested(): MembersResult | undefined {
    const text = this.#text;
    const count = this.#count;
    const sliceEnd = Math.min(text.length, this.#at + SLICE_LENGTH);
    let depth = this.#depth;
    let at = this.#at;
    for (; at < sliceEnd; at++) {
      switch (text.charCodeAt(at)) {
        case CHAR.quote:
          at = stringEnd(text, at);
          if (at === -1) return MALFORMED;
          break;
        case CHAR.colon:
          count.members += 1;
          break;
        case CHAR.comma:
          count.commas += 1;
          break;
        case CHAR.openBracket:
        case CHAR.openBrace:
          depth += 1;
          count.containers += 1;
          if (depth >= MAX_JSON_DEPTH) return TOO_DEEP;
          break;
        case CHAR.closeBracket:
        case CHAR.closeBrace:
          depth -= 1;
          if (depth === 0) return this.#endSlice(at + 1, depth);
          break;
      }
    }
    return at < text.length ? this.#endSlice(at, depth) : MALFORMED;
  }

  #endSlice(end: number, depth: number): MembersResult | undefined {
    this.#at = end;
    this.#end = end;
    this.#depth = depth;
    const { passed } = this.#count;
    return passed === undefined ? undefined : { type: "too_many", what: passed };
  }

  #setValue(end: number): undefined {
    this.#start = this.#at;
    this.#end = end;
    this.#at = end;
  }

  #endMember(): MembersResult | undefined {
    if (this.#key === undefined || this.#start === -1) return MALFORMED;
    if (this.#members.length === MAX_TOP_LEVEL_MEMBERS) return { type: "too_many", what: "top_level_members" };
    this.#members.push({ key: this.#key, start: this.#start, end: this.#end, from: this.#from, to: this.#at });
    this.#key = undefined;
    this.#start = -1;
    this.#at += 1;
    this.#from = this.#at;
    return undefined;
  }

  #endObject(): MembersResult {
    const close = this.#at;
    const isEmpty = this.#key === undefined && this.#members.length === 0;
    const refused = isEmpty ? undefined : this.#endMember();
    if (refused !== undefined) return refused;
    this.#at = close + 1;
    this.#skipSpace();
    if (this.#at < this.#text.length) return MALFORMED;
    return { type: "object", object: { text: this.#text, members: this.#members, close } };
  }
}
