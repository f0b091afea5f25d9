import { parse, Template, tokenize } from "@huggingface/jinja";
import { AgentError, hasCode } from "../platform/agent-error.js";
import { isGap } from "./renderer-gaps.js";
import type { FixtureName, TemplateFixture } from "./template-fixtures.js";
import { LINE_MARK, markLines, scanTags } from "./template-lines.js";

/** Where and why a template did not go on. */
export interface TemplateProblem {
  /** The renderer's or the template's own words, on one line. */
  readonly message: string;
  /** The line of the tag it happened in, from 1, where that can be told. */
  readonly line?: number;
}

/** What became of one fixture. */
export type RenderOutcome =
  /** `shown`: nothing of the conversation was left out. */
  | { readonly type: "rendered"; readonly shown: boolean }
  /** The template itself said no, by `raise_exception`. */
  | ({ readonly type: "refused" } & TemplateProblem)
  /** The renderer could not go on. */
  | ({ readonly type: "failed" } & TemplateProblem)
  /** The renderer lacks what the template uses: nothing follows for any other. */
  | ({ readonly type: "unsupported" } & TemplateProblem);

/** What is found out about a template, bit by bit. */
export type RenderReport =
  | ({ readonly type: "not_compiled" } & TemplateProblem)
  | { readonly type: "compiled"; readonly claims: TemplateClaims }
  | { readonly type: "fixture"; readonly fixture: FixtureName; readonly outcome: RenderOutcome };

/** What a template shows that it means to handle: what it does not know it cannot be broken for. */
export interface TemplateClaims {
  /** Somewhere it reads the variable `tools`. */
  readonly tools: boolean;
  /** Somewhere it has the word. */
  readonly video: boolean;
}

export interface RenderTask {
  readonly source: string;
  /** `bos_token` and so on; those that the template reads and that are missing here are empty. */
  readonly specialTokens: Readonly<Record<string, string>>;
  readonly fixtures: readonly TemplateFixture[];
}

/** The renderer's own `raise_exception` throws what any fault of its own would be: ours can be told apart. */
const RAISE = { theirs: "raise_exception", ours: "hearth_refuse" } as const;

/** Stands for the filter `string`. */
const TO_TEXT = "hearth_text";

const MESSAGE_CHARS = 300;

type Variables = Readonly<Record<string, unknown>>;

/**
 * Compiles a template and renders each fixture with it. Never throws, but may take any time and memory: templates are
 * programs.
 */
export function* renderTemplate({ source, specialTokens, fixtures }: RenderTask): Generator<RenderReport> {
  let template: Template;
  try {
    template = compile(source);
  } catch (error) {
    const line = syntaxErrorLine(source);
    yield { type: "not_compiled", message: messageOf(error), ...(line === undefined ? {} : { line }) };
    return;
  }
  yield { type: "compiled", claims: claimsOf(template) };
  const marked = once(() => compile(markLines(source)));
  const rendering = { template, marked, source, specialTokens };
  for (const fixture of fixtures) {
    yield { type: "fixture", fixture: fixture.name, outcome: outcomeOf(rendering, fixture) };
  }
}

/** The special tokens that templates put into their text without asking whether there are any. */
const EMPTY_TOKENS = {
  bos_token: "",
  eos_token: "",
  unk_token: "",
  pad_token: "",
  sep_token: "",
  cls_token: "",
} as const;

interface Rendering {
  readonly template: Template;
  /** The same with marks that tell the line, for when it fails. */
  readonly marked: () => Template;
  readonly source: string;
  readonly specialTokens: Readonly<Record<string, string>>;
}

/** The first spelling that renders; else what became of one that our renderer lacks the means for, or of the first. */
function outcomeOf(rendering: Rendering, { spellings, shows }: TemplateFixture): RenderOutcome {
  let told: RenderOutcome | undefined;
  for (const spelling of spellings) {
    const outcome = render(rendering, { ...EMPTY_TOKENS, ...rendering.specialTokens, ...spelling }, shows);
    if (outcome.type === "rendered") return outcome;
    if (told === undefined || (told.type === "failed" && outcome.type === "unsupported")) told = outcome;
  }
  return told ?? { type: "rendered", shown: false };
}

function render(
  { template, marked, source }: Rendering,
  variables: Variables,
  shows: readonly string[],
): RenderOutcome {
  try {
    const text = template.render({ ...variables, ...FUNCTIONS });
    return { type: "rendered", shown: shows.every((words) => text.includes(words)) };
  } catch (error) {
    const message = messageOf(error);
    const line = failureLine(marked, variables, message);
    const type = hasCode(error, "template_refused")
      ? "refused"
      : isGap(message, lineOf(source, line))
        ? "unsupported"
        : "failed";
    return { type, message, ...(line === undefined ? {} : { line }) };
  }
}

/** Makes it when it is first asked for, and then no more. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function compile(source: string): Template {
  const template = new Template(source);
  renameIdentifier(template.parsed, RAISE.theirs, RAISE.ours);
  replaceStringFilter(template.parsed);
  return template;
}

function refuse(message: unknown): never {
  throw new AgentError("template_refused", String(message));
}

const FUNCTIONS: Variables = { [RAISE.ours]: refuse, [TO_TEXT]: toText };

const lineOf = (source: string, line: number | undefined): string =>
  line === undefined ? source : (source.split("\n", line)[line - 1] ?? "");

/** Renders once more with marks, and believes them only if the end is the same. */
function failureLine(marked: () => Template, variables: Variables, message: string): number | undefined {
  let line: number | undefined;
  const mark = (at: unknown): void => {
    if (typeof at === "number") line = at;
  };
  try {
    marked().render({ ...variables, ...FUNCTIONS, [LINE_MARK]: mark });
    return undefined;
  } catch (error) {
    return messageOf(error) === message ? line : undefined;
  }
}

/** The renderer does not say where: the parser reads tokens one by one, so the last one it looked at is the place. */
function syntaxErrorLine(source: string): number | undefined {
  const tags = scanTags(source);
  for (const { start, end, line } of tags) {
    if (!throwsNothing(() => tokenize(source.slice(start, end)))) return line;
  }
  let tokens: readonly { readonly type: string }[];
  try {
    tokens = tokenize(source, { lstrip_blocks: true, trim_blocks: true });
  } catch {
    return undefined;
  }
  let last = 0;
  const watched = new Proxy(tokens, {
    get(target, key, receiver) {
      if (typeof key === "string" && /^\d+$/.test(key)) last = Math.max(last, Number(key));
      return Reflect.get(target, key, receiver);
    },
  });
  throwsNothing(() => parse(watched));
  const opened = tokens.slice(0, last + 1).filter(({ type }) => type === "OpenStatement" || type === "OpenExpression");
  return tags[opened.length - 1]?.line;
}

function throwsNothing(act: () => unknown): boolean {
  try {
    act();
    return true;
  } catch {
    return false;
  }
}

/** A node of the renderer's syntax tree, as far as it matters here. */
interface Node {
  readonly type: string;
  value?: unknown;
}

function* nodes(value: unknown): Generator<Node> {
  if (typeof value !== "object" || value === null) return;
  if ("type" in value && typeof value.type === "string") yield value as Node;
  // The name after a dot is an identifier, too, but no variable.
  const isMember = "type" in value && value.type === "MemberExpression" && "computed" in value && !value.computed;
  for (const [key, child] of Object.entries(value)) if (!(isMember && key === "property")) yield* nodes(child);
}

function claimsOf({ parsed }: Template): TemplateClaims {
  let [tools, video] = [false, false];
  for (const { type, value } of nodes(parsed)) {
    if (type === "Identifier" && value === "tools") tools = true;
    if (type === "StringLiteral" && String(value).includes("video")) video = true;
  }
  return { tools, video };
}

function renameIdentifier(program: unknown, from: string, to: string): void {
  for (const node of nodes(program)) if (node.type === "Identifier" && node.value === from) node.value = to;
}

/** The renderer's own `string` takes no nothing and no mapping, of which templates make texts all the time. */
function replaceStringFilter(program: unknown): void {
  for (const node of nodes(program)) {
    if (node.type !== "FilterExpression" || !isStringFilter(node)) continue;
    const callee = { type: "Identifier", value: TO_TEXT };
    Object.assign(node, { type: "CallExpression", callee, args: [node.operand] });
  }
}

const isStringFilter = (node: Node): node is Node & { readonly operand: unknown } =>
  "operand" in node &&
  "filter" in node &&
  (node.filter as Node).type === "Identifier" &&
  (node.filter as Node).value === "string";

/** As Python's `str`, but for the form of numbers, and that lists and mappings are JSON. */
function toText(value: unknown): string {
  if (typeof value === "string") return value;
  // The renderer hands over nothing and what is undefined alike.
  if (value === undefined || value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  return JSON.stringify(plainOf(value)) ?? "";
}

/** Lists and mappings hold the renderer's own values. */
function plainOf(value: unknown): unknown {
  const plain = (each: { readonly value: unknown }): unknown => plainOf(each.value);
  if (Array.isArray(value)) return value.map(plain);
  if (!(value instanceof Map)) return value;
  return Object.fromEntries([...value].map(([key, each]) => [key, plain(each)]));
}

function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text
    .slice(0, 4 * MESSAGE_CHARS)
    .replace(/[\s\p{Cc}\p{Cf}]+/gu, " ")
    .trim()
    .slice(0, MESSAGE_CHARS);
}
