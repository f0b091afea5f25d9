/**
 * What @huggingface/jinja 0.5 says where it falls short of Jinja2: keys that are no text, what is undefined looked up or
 * looped over, a method hidden by a key of its name, tuples in tuples. Templates of real models that make it say one of
 * these render in Jinja2 or in llama-server.
 */
const GAPS: readonly RegExp[] = [
  /^Object keys? must be (?:a )?strings?:/,
  /^Cannot access property with non-string/,
  /^Cannot call something that is not a function: got (?!Undefined)/,
  /^Cannot unpack non-iterable type: TupleValue/,
  /^Expected iterable or object type in for loop: got UndefinedValue/,
  /not currently supported/,
];

/** It has some of Jinja2's filters and tests, each for some kinds of value, and some of Python's methods. */
const LACKS_FILTER = /^(?:Unknown \w* ?filter: |Cannot apply filter ")(\w+)/;
const LACKS_TEST = /^Unknown test: (\w+)/;
const LACKS_METHOD = /^Cannot call something that is not a function: got UndefinedValue/;

/** Jinja 3.1, "List of Builtin Filters". */
const FILTERS: ReadonlySet<string> = new Set([
  ...["abs", "attr", "batch", "capitalize", "center", "count", "d", "default", "dictsort", "e", "escape"],
  ...["filesizeformat", "first", "float", "forceescape", "format", "groupby", "indent", "int", "items", "join", "last"],
  ...["length", "list", "lower", "map", "max", "min", "pprint", "random", "reject", "rejectattr", "replace", "reverse"],
  ...[
    "round",
    "safe",
    "select",
    "selectattr",
    "slice",
    "sort",
    "string",
    "striptags",
    "sum",
    "title",
    "tojson",
    "trim",
  ],
  ...["truncate", "unique", "upper", "urlencode", "urlize", "wordcount", "wordwrap", "xmlattr"],
]);
/** The same, "List of Builtin Tests". */
const TESTS: ReadonlySet<string> = new Set([
  ...["boolean", "callable", "defined", "divisibleby", "eq", "equalto", "escaped", "even", "false", "filter", "float"],
  ...["ge", "greaterthan", "gt", "in", "integer", "iterable", "le", "lessthan", "lower", "lt", "mapping", "ne", "none"],
  ...["number", "odd", "sameas", "sequence", "string", "test", "true", "undefined", "upper"],
]);
/** Methods of Python's texts, lists and mappings that templates call. */
const METHODS =
  /\.(?:append|capitalize|copy|count|endswith|extend|find|format|get|index|insert|isdigit|items|join|keys|lower|lstrip|pop|remove|replace|rfind|rsplit|rstrip|split|splitlines|startswith|strip|title|update|upper|values)\(/;

/**
 * Whether the renderer stopped for want of something of its own.
 *
 * @param line where it did; the whole template where that is not known
 */
export function isGap(message: string, line: string): boolean {
  const filter = LACKS_FILTER.exec(message)?.[1];
  if (filter !== undefined) return FILTERS.has(filter);
  const test = LACKS_TEST.exec(message)?.[1];
  if (test !== undefined) return TESTS.has(test);
  if (LACKS_METHOD.test(message)) return METHODS.test(line);
  return GAPS.some((gap) => gap.test(message));
}
