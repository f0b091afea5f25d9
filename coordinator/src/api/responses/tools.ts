import type { RawJson } from "@hearth/dialects";
import { HearthError } from "../../platform/errors.js";
import type { BodyText } from "../json/body-text.js";
import { FREEFORM_ARGUMENT } from "./freeform-input.js";
import type { InputItem } from "./input-items.js";
import type { Input, PromptBody } from "./parse.js";
import type { ChosenTool, KnownTool, ResponseTool } from "./tool-schemas.js";

/** What a function of the chat stands for, so that its calls come back as what they are. */
export type ToolOrigin =
  | { readonly kind: "function"; readonly name: string; readonly namespace?: string | undefined }
  | { readonly kind: "custom"; readonly name: string; readonly namespace?: string | undefined }
  | { readonly kind: "local_shell" }
  | { readonly kind: "tool_search" };

/** A tool as the model sees it: a function under a name of its own. */
interface OfferedTool {
  readonly name: string;
  readonly origin: ToolOrigin;
  /** The members of the function besides its name. */
  readonly function: Readonly<Record<string, unknown>>;
}

type ToolOf<T extends KnownTool["type"]> = Extract<KnownTool, { type: T }>;
type Path = readonly [string, ...(string | number)[]];

/** Characters of a function's name at most, as everywhere in OpenAI's API. */
const MAX_NAME_LENGTH = 128;

/** The tools of a request as functions, which is all that most models know, and the way back from each of them. */
export class ToolSet {
  /** Types of tools that are left out, because they would run on OpenAI's servers. */
  readonly ignored: readonly string[];
  /** Every tool is a plain function: a backend that speaks Responses itself can take them as they are. */
  readonly isPlain: boolean;
  readonly #offered: readonly OfferedTool[];
  readonly #byName: ReadonlyMap<string, OfferedTool>;

  /** @param text the consumer's own text, from which schemas are taken as they were written */
  constructor({ tools, tool_choice: choice }: PromptBody, input: Input, text: BodyText) {
    const reader = new ToolReader(text);
    reader.read(tools ?? [], ["tools"]);
    readLoaded(reader, input);
    this.#byName = reader.offered;
    this.ignored = [...reader.ignored];
    this.isPlain = !loadsTools(input) && (tools ?? []).every(({ type }) => type === "function");
    this.#offered = allowed([...reader.offered.values()], choice);
  }

  get isEmpty(): boolean {
    return this.#offered.length === 0;
  }

  /** The tools that the model may call, in the form of chat completions. */
  get functions(): readonly object[] {
    return this.#offered.map(({ name, function: called }) => ({ type: "function", function: { name, ...called } }));
  }

  /** Whether a tool is offered under this name. */
  offers(name: string): boolean {
    return this.#byName.has(name);
  }

  /** What a call by this name is a call of. A name that nobody offered is a function of that name. */
  originOf(name: string): ToolOrigin {
    return this.#byName.get(name)?.origin ?? { kind: "function", name };
  }

  /** The name under which a tool is offered, or would be: what was called earlier may be gone by now. */
  nameOf(origin: ToolOrigin): string {
    for (const tool of this.#byName.values()) if (isSame(tool.origin, origin)) return tool.name;
    return plainNameOf(origin);
  }

  /** The names under which these tools are offered. */
  namesOf(tools: readonly ResponseTool[]): readonly string[] {
    const each = new ToolReader(undefined);
    each.read(tools, ["tools"]);
    return [...each.offered.values()].map(({ origin }) => this.nameOf(origin));
  }

  /**
   * The choice in the form of chat completions; nothing where there is no tool to choose.
   *
   * @throws HearthError `invalid_request` where a tool must be called that is not offered
   */
  choice({ tool_choice: choice }: PromptBody): object {
    if (!choice) return {};
    if (typeof choice === "string") return this.#mode(choice);
    if (choice.type === "allowed_tools") return this.#mode(choice.mode as "auto" | "required");
    const [tool] = chosenBy([...this.#byName.values()], choice);
    if (tool === undefined) throw unknownChoice(choice);
    return { tool_choice: { type: "function", function: { name: tool.name } } };
  }

  #mode(mode: "none" | "auto" | "required"): object {
    if (!this.isEmpty) return { tool_choice: mode };
    if (mode !== "required") return {};
    throw invalidChoice("no tool that the model could call is in the request");
  }
}

/** Reads lists of tools, each with the place of its schemas in the consumer's text. */
class ToolReader {
  readonly offered = new Map<string, OfferedTool>();
  readonly ignored = new Set<string>();
  readonly #text: BodyText | undefined;

  /** @param text absent = schemas are of no interest */
  constructor(text: BodyText | undefined) {
    this.#text = text;
  }

  read(tools: readonly ResponseTool[], path: Path): void {
    for (const [index, each] of tools.entries()) this.#tool(each as KnownTool, [...path, index]);
  }

  #tool(tool: KnownTool, path: Path): void {
    switch (tool.type) {
      case "function":
        return this.#function(tool, path, undefined);
      case "custom":
        return this.#custom(tool, undefined);
      case "namespace":
        return this.#namespace(tool, path);
      case "local_shell":
        return this.#offer({ kind: "local_shell" }, LOCAL_SHELL);
      case "tool_search":
        return this.#toolSearch(tool, path);
    }
    this.ignored.add((tool as { readonly type: string }).type);
  }

  #namespace({ name, description, tools }: ToolOf<"namespace">, path: Path): void {
    // Functions know no groups: what is said of the group is said with the first of them.
    let about = description;
    for (const [index, each] of tools.entries()) {
      const tool = about ? { ...each, description: [about, each.description].filter(Boolean).join("\n\n") } : each;
      if (tool.type === "function") this.#function(tool, [...path, "tools", index], name);
      else this.#custom(tool, name);
      about = undefined;
    }
  }

  #function(tool: ToolOf<"function">, path: Path, namespace: string | undefined): void {
    const { name, strict } = tool;
    this.#offer(
      { kind: "function", name, namespace },
      { ...this.#described(tool, path), ...(typeof strict === "boolean" ? { strict } : {}) },
    );
  }

  #custom({ name, description, format }: ToolOf<"custom">, namespace: string | undefined): void {
    const grammar =
      format?.type === "grammar" && format.definition
        ? `The text must follow this grammar${format.syntax ? ` (${format.syntax})` : ""}:\n\n${format.definition}`
        : undefined;
    const about = [description, HOW_TO_CALL_FREEFORM, grammar].filter(Boolean).join("\n\n");
    this.#offer({ kind: "custom", name, namespace }, { description: about, parameters: FREEFORM });
  }

  #toolSearch(tool: ToolOf<"tool_search">, path: Path): void {
    if (tool.execution !== "client") this.ignored.add("tool_search");
    else this.#offer({ kind: "tool_search" }, this.#described(tool, path));
  }

  #described(
    { description, parameters }: Pick<ToolOf<"function">, "description" | "parameters">,
    path: Path,
  ): { readonly description?: string; readonly parameters?: RawJson } {
    return {
      ...(description ? { description } : {}),
      ...(parameters && this.#text ? { parameters: this.#text.at([...path, "parameters"], parameters) } : {}),
    };
  }

  /** A tool that is loaded again is the same one; another one of the same name gets a name of its own. */
  #offer(origin: ToolOrigin, called: OfferedTool["function"]): void {
    const plain = plainNameOf(origin).slice(0, MAX_NAME_LENGTH);
    let name = plain;
    for (let count = 2; this.offered.has(name); count++) {
      if (isSame(this.offered.get(name)?.origin, origin)) return;
      const suffix = `_${count}`;
      name = plain.slice(0, MAX_NAME_LENGTH - suffix.length) + suffix;
    }
    this.offered.set(name, { name, origin, function: called });
  }
}

/** Some tools came up in the course of the conversation. */
export function loadsTools(input: Input): boolean {
  return typeof input !== "string" && input.some(isLoading);
}

function readLoaded(reader: ToolReader, input: Input): void {
  if (typeof input === "string") return;
  for (const [index, item] of input.entries()) if (isLoading(item)) reader.read(item.tools, ["input", index, "tools"]);
}

type LoadingItem = Extract<InputItem, { type: "tool_search_output" | "additional_tools" }>;

const isLoading = (item: InputItem): item is LoadingItem =>
  item.type === "tool_search_output" || item.type === "additional_tools";

/** @throws HearthError `invalid_request` where one of those that are allowed is no tool of the request */
function allowed(offered: readonly OfferedTool[], choice: PromptBody["tool_choice"]): readonly OfferedTool[] {
  if (typeof choice !== "object" || choice?.type !== "allowed_tools") return offered;
  const { tools } = choice as { readonly tools: readonly ChosenTool[] };
  const chosen = tools.map((each) => chosenBy(offered, each));
  const unknown = tools.find((each, index) => chosen[index]?.length === 0 && isNamed(each));
  if (unknown !== undefined) throw unknownChoice(unknown);
  const all = new Set(chosen.flat());
  return offered.filter((tool) => all.has(tool));
}

/** The tools that a choice means. A function may be named without its namespace. */
function chosenBy(offered: readonly OfferedTool[], { type, name, namespace }: ChosenTool): readonly OfferedTool[] {
  return offered.filter(({ origin }) => {
    if (type === "namespace") return "namespace" in origin && origin.namespace === name;
    if (origin.kind !== type) return false;
    if (!("name" in origin)) return true;
    return origin.name === name && (!namespace || origin.namespace === namespace);
  });
}

const isNamed = ({ type }: ChosenTool): boolean => type === "function" || type === "custom";

function unknownChoice(chosen: ChosenTool): HearthError {
  const { type, name } = chosen;
  return invalidChoice(isNamed(chosen) ? `no tool is named '${name}'` : `there is no '${type.slice(0, 64)}' here`);
}

const invalidChoice = (why: string): HearthError =>
  new HearthError("invalid_request", `Invalid 'tool_choice': ${why}.`, { param: "tool_choice" });

function isSame(one: ToolOrigin | undefined, other: ToolOrigin): boolean {
  if (one?.kind !== other.kind) return false;
  if (!("name" in one) || !("name" in other)) return true;
  return one.name === other.name && (one.namespace ?? undefined) === (other.namespace ?? undefined);
}

/** Its own name, behind that of its namespace, as tools of MCP servers are called everywhere. */
function plainNameOf(origin: ToolOrigin): string {
  if (!("name" in origin)) return origin.kind;
  const { name, namespace } = origin;
  if (!namespace) return name;
  return namespace.endsWith("__") ? namespace + name : `${namespace}__${name}`;
}

/** Clients tell a model that it need not write JSON: true where custom tools are known, and not for a function. */
const HOW_TO_CALL_FREEFORM = `Write the text as the string '${FREEFORM_ARGUMENT}' of a JSON object.`;

const FREEFORM = {
  type: "object",
  properties: { [FREEFORM_ARGUMENT]: { type: "string", description: "The text that the tool is called with." } },
  required: [FREEFORM_ARGUMENT],
  additionalProperties: false,
};

/** The members of OpenAI's `LocalShellExecAction`. */
const LOCAL_SHELL = {
  description: "Runs a command on the user's machine and returns what it prints.",
  parameters: {
    type: "object",
    properties: {
      command: {
        type: "array",
        items: { type: "string" },
        description: 'The program and its arguments, for example ["bash", "-lc", "ls"].',
      },
      timeout_ms: { type: "integer", description: "When to stop the command, in milliseconds." },
      working_directory: { type: "string", description: "Where to run it." },
      env: { type: "object", additionalProperties: { type: "string" }, description: "Environment variables." },
      user: { type: "string", description: "The user to run it as." },
    },
    required: ["command"],
  },
};
