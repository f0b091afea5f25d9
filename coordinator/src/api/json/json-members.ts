import { inOneGo, type Steps } from "../../platform/steps.js";
import { type BodyBounds, BodyCount, DEFAULT_BODY_BOUNDS, MAX_TOP_LEVEL_MEMBERS } from "../../request/body-bounds.js";
import { CHAR, MAX_JSON_DEPTH, type Splice, stringEnd, stringValue } from "./json-text.js";

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
  | { readonly type: "too_many"; readonly what: keyof BodyBounds | "top_level_members" }
  /** No JSON object. Not every text that is none is found out: `JSON.parse` has the last word. */
  | { readonly type: "malformed" };

/** {@link memberSteps} in one go. */
export function readMembers(text: string, bounds: BodyBounds = DEFAULT_BODY_BOUNDS): MembersResult {
  return inOneGo(memberSteps(text, bounds));
}

/**
 * Finds the top-level members of a JSON object in one pass over its text, and stops where the text is over a bound.
 * Never throws; time is linear.
 */
export function* memberSteps(text: string, bounds: BodyBounds): Steps<MembersResult> {
  try {
    return yield* new MemberScan(text, bounds).run();
  } catch {
    return { type: "malformed" }; // a key that is no JSON string
  }
}

/** What to do with a member: its new value as JSON text, or `undefined` to remove it. */
export type MemberEdits = ReadonlyMap<string, string | undefined>;

/**
 * The splices that change top-level members and leave every other character as it was: numbers keep their digits,
 * members their order, white space its place. A changed member stays where it was, a new one comes last. A member that
 * occurs twice is changed as one.
 */
export function memberSplices(object: JsonObjectText, edits: MemberEdits): Splice[] {
  const splices: Splice[] = [];
  const unset = new Map([...edits].filter(([, value]) => value !== undefined));
  const removed: boolean[] = [];
  // From the back: of a member that occurs twice, the last one counts.
  for (const [index, member] of [...object.members.entries()].reverse()) {
    const value = unset.get(member.key);
    removed[index] = edits.has(member.key) && value === undefined;
    if (value === undefined) continue;
    unset.delete(member.key);
    if (object.text.slice(member.start, member.end) !== value) {
      splices.push({ start: member.start, end: member.end, text: value });
    }
  }
  addRemovals(splices, object, removed);
  const kept = removed.includes(false);
  const added = [...unset].map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(",");
  if (added !== "") splices.push({ start: object.close, end: object.close, text: kept ? `,${added}` : added });
  return splices;
}

/** Removes members together with the commas that they leave without a neighbour. */
function addRemovals(splices: Splice[], { members }: JsonObjectText, removed: readonly boolean[]): void {
  for (let first = 0; first < members.length; first++) {
    if (removed[first] !== true) continue;
    let last = first;
    while (removed[last + 1] === true) last += 1;
    const isEnd = last === members.length - 1;
    const start = (members[first] as JsonMember).from - (isEnd && first > 0 ? 1 : 0);
    const end = (members[last] as JsonMember).to + (isEnd ? 0 : 1);
    splices.push({ start, end, text: "" });
    first = last;
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

/** Characters looked at in one turn of the event loop. */
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
  readonly #count: BodyCount;

  constructor(text: string, bounds: BodyBounds) {
    this.#text = text;
    this.#count = new BodyCount(bounds);
  }

  *run(): Steps<MembersResult> {
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
