import type { RawJson } from "@hearth/dialects";
import { type HearthError, invalidMember } from "../../platform/errors.js";
import type { BodyText } from "../json/body-text.js";
import { freeformFunction } from "../translation/freeform-function.js";
import { APPLY_PATCH, LOCAL_SHELL, shell } from "./client-tools.js";
import type { InputItem } from "./input-items.js";
import { choiceKey, type OfferedTool, OfferedTools, type ToolOrigin } from "./offered-tools.js";
import type { Input, PromptBody } from "./parse.js";
import type { ChosenTool, KnownTool, ResponseTool } from "./tool-schemas.js";

type ToolOf<T extends KnownTool["type"]> = Extract<KnownTool, { type: T }>;
type Path = readonly [string, ...(string | number)[]];

/** The tools of a request as functions, which is all that most models know, and the way back from each of them. */
export class ToolSet {
  /** Types of tools that are left out, because they would run on OpenAI's servers. */
  readonly ignored: readonly string[];
  /** Every tool is a plain function: a backend that speaks Responses itself can take them as they are. */
  readonly isPlain: boolean;
  readonly #offered: readonly OfferedTool[];
  readonly #tools: OfferedTools;

  /** @param text the consumer's own text, from which schemas are taken as they were written */
  constructor({ tools, tool_choice: choice }: PromptBody, input: Input, text: BodyText) {
    const reader = new ToolReader(text);
    reader.read(tools ?? [], ["tools"]);
    readLoaded(reader, input);
    this.#tools = reader.offered;
    this.ignored = [...reader.ignored];
    this.isPlain = !loadsTools(input) && (tools ?? []).every(({ type }) => type === "function");
    this.#offered = allowed(reader.offered, choice);
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
    return this.#tools.named(name) !== undefined;
  }

  /** What a call by this name is a call of. A name that nobody offered is a function of that name. */
  originOf(name: string): ToolOrigin {
    return this.#tools.named(name)?.origin ?? { kind: "function", name };
  }

  /** The name under which a tool is offered, or would be: what was called earlier may be gone by now. */
  nameOf(origin: ToolOrigin): string {
    return this.#tools.nameOf(origin);
  }

  /** The names under which these tools are offered. */
  namesOf(tools: readonly ResponseTool[]): readonly string[] {
    const each = new ToolReader(undefined);
    each.read(tools, ["tools"]);
    return each.offered.all.map(({ origin }) => this.nameOf(origin));
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
    const [tool] = this.#tools.chosenBy(choice);
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
  readonly offered = new OfferedTools();
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
        return this.offered.add({ kind: "local_shell" }, LOCAL_SHELL);
      case "shell":
        return this.#shell(tool);
      case "apply_patch":
        return this.offered.add({ kind: "apply_patch" }, APPLY_PATCH);
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
    this.offered.add(
      { kind: "function", name, namespace },
      { ...this.#described(tool, path), ...(typeof strict === "boolean" ? { strict } : {}) },
    );
  }

  #custom({ name, description, format }: ToolOf<"custom">, namespace: string | undefined): void {
    const grammar = format?.type === "grammar" ? format : undefined;
    this.offered.add({ kind: "custom", name, namespace }, freeformFunction({ description, grammar }));
  }

  /** Where nothing is said of the place it is the client's, as it was before there were containers. */
  #shell({ type, environment }: ToolOf<"shell">): void {
    if ((environment?.type ?? "local") === "local") this.offered.add({ kind: type }, shell(environment?.skills ?? []));
    else this.ignored.add(type);
  }

  #toolSearch(tool: ToolOf<"tool_search">, path: Path): void {
    if (tool.execution !== "client") this.ignored.add("tool_search");
    else this.offered.add({ kind: "tool_search" }, this.#described(tool, path));
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
function allowed(offered: OfferedTools, choice: PromptBody["tool_choice"]): readonly OfferedTool[] {
  if (typeof choice !== "object" || choice?.type !== "allowed_tools") return offered.all;
  const { tools } = choice as { readonly tools: readonly ChosenTool[] };
  const all = new Set<OfferedTool>();
  for (const each of new Map(tools.map((tool) => [choiceKey(tool), tool])).values()) {
    const chosen = offered.chosenBy(each);
    if (chosen.length === 0 && isNamed(each)) throw unknownChoice(each);
    for (const tool of chosen) all.add(tool);
  }
  return offered.all.filter((tool) => all.has(tool));
}

const isNamed = ({ type }: ChosenTool): boolean => type === "function" || type === "custom";

function unknownChoice(chosen: ChosenTool): HearthError {
  const { type, name } = chosen;
  return invalidChoice(isNamed(chosen) ? `no tool is named '${name}'` : `there is no '${type.slice(0, 64)}' here`);
}

const invalidChoice = (why: string): HearthError => invalidMember("tool_choice", why);
