/** Rules that JSON is made of, in GBNF. White space is at most one blank: small models lose themselves in it. */
const JSON_RULES = {
  value: "object | array | string | number | boolean | null",
  object: '"{" ( string ":" sp value ( "," sp string ":" sp value )* )? "}"',
  array: '"[" ( value ( "," sp value )* )? "]"',
  string: '"\\"" char* "\\""',
  char: '[^"\\\\\\x7F\\x00-\\x1F] | "\\\\" ( ["\\\\/bfnrt] | "u" [0-9a-fA-F]{4} )',
  number: 'integer ( "." [0-9]{1,16} )? ( [eE] [-+]? [0-9]{1,3} )?',
  integer: '"-"? natural',
  natural: '"0" | [1-9] [0-9]{0,15}',
  boolean: '"true" | "false"',
  null: '"null"',
  date: '[0-9]{4} "-" ( "0" [1-9] | "1" [0-2] ) "-" ( "0" [1-9] | [12] [0-9] | "3" [01] )',
  time: '( [01] [0-9] | "2" [0-3] ) ":" [0-5] [0-9] ":" [0-5] [0-9] ( "." [0-9]{3} )? ( "Z" | [-+] [0-9]{2} ":" [0-9]{2} )',
  uuid: '[0-9a-f]{8} "-" [0-9a-f]{4} "-" [0-9a-f]{4} "-" [0-9a-f]{4} "-" [0-9a-f]{12}',
  sp: '" "?',
} as const;

export type JsonRule = keyof typeof JSON_RULES;

/** A GBNF expression that can stand anywhere in a rule. */
export type Expression = string;

/** Collects the rules of one GBNF grammar, the language in which llama.cpp is told what a model may write. */
export class GrammarBuilder {
  readonly #rules: (Expression | undefined)[] = [];

  get size(): number {
    return this.#rules.length;
  }

  /** Adds a rule and returns its name. */
  add(body: Expression): Expression {
    const name = this.reserve();
    this.define(name, body);
    return name;
  }

  /** Gives a name to a rule that is not known yet, so that it can refer to itself. */
  reserve(): Expression {
    this.#rules.push(undefined);
    return `r${this.#rules.length - 1}`;
  }

  define(name: Expression, body: Expression): void {
    this.#rules[Number(name.slice(1))] = body;
  }

  /** The whole grammar. */
  build(root: Expression): string {
    const own = this.#rules.map((body, index) => `r${index} ::= ${body}`);
    const json = Object.entries(JSON_RULES).map(([name, body]) => `${name} ::= ${body}`);
    return [`root ::= ${root}`, ...own, ...json].join("\n");
  }
}

/** A rule of JSON itself, by name. */
export function jsonRule(name: JsonRule): Expression {
  return name;
}

/** Exactly this text. */
export function literal(text: string): Expression {
  // JSON's escapes are GBNF's, but for these two.
  return JSON.stringify(text).replaceAll(
    /\\(\\|b|f)/g,
    (all, char: string) => ({ b: "\\x08", f: "\\x0C" })[char] ?? all,
  );
}

/** One of these. */
export function oneOf(alternatives: readonly Expression[]): Expression {
  return alternatives.length === 1 ? (alternatives[0] ?? "") : `( ${alternatives.join(" | ")} )`;
}
