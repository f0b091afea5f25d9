import { type HearthError, invalidMember } from "../../platform/errors.js";
import type { ChatCompletionBody } from "./parse.js";

/** A choice as backends know it. */
export interface ToolChoice {
  /** What changes in the body. */
  readonly edits: ReadonlyMap<string, string | undefined>;
  /** The names that the model may call; absent = all. */
  readonly only?: ReadonlySet<string>;
}

type Members = Readonly<Record<string, unknown>>;

const AS_IT_CAME: ToolChoice = { edits: new Map() };

/**
 * Backends know three words and a function by its name. Mistral's and Anthropic's words for them, custom tools and lists
 * of what is allowed are told in these terms.
 *
 * @param names of the tools that the model can call
 * @throws HearthError `invalid_request` where a tool must be called that is not among them
 */
export function toolChoice({ tools, tool_choice: choice }: ChatCompletionBody, names: ReadonlySet<string>): ToolChoice {
  // Without tools it is between the client and the backend, as it always was.
  if (choice === null || choice === undefined || (tools?.length ?? 0) === 0) return AS_IT_CAME;
  if (typeof choice === "string") return modeChoice(choice, names, choice);
  const { type } = choice;
  switch (type) {
    case "auto":
    case "none":
    case "required":
    case "any":
      return modeChoice(type, names);
    case "function":
    case "custom":
    case "tool":
      return namedChoice(choice, names);
    case "allowed_tools":
      return allowedChoice((choice["allowed_tools"] ?? choice) as Members, names);
  }
  throw invalid(`there is no '${type.slice(0, 64)}' here`);
}

/** @param written the choice as it stands in the body, where it is a word */
function modeChoice(mode: string, names: ReadonlySet<string>, written?: string): ToolChoice {
  const known = mode === "any" ? "required" : mode;
  if (names.size === 0) {
    if (known === "required") throw invalid("no tool that the model could call is in the request");
    return { edits: new Map([["tool_choice", undefined]]) };
  }
  return known === written ? AS_IT_CAME : { edits: new Map([["tool_choice", JSON.stringify(known)]]) };
}

function namedChoice(choice: Members, names: ReadonlySet<string>): ToolChoice {
  const name = nameOf(choice);
  if (!names.has(name)) throw invalid(`no tool that the model could call is named '${name.slice(0, 128)}'`);
  if (choice["type"] === "function" && choice["function"]) return AS_IT_CAME;
  return { edits: new Map([["tool_choice", JSON.stringify({ type: "function", function: { name } })]]) };
}

function allowedChoice({ mode, tools }: Members, names: ReadonlySet<string>): ToolChoice {
  if (mode !== "auto" && mode !== "required") throw invalid("expected one of the modes 'auto', 'required'");
  if (!Array.isArray(tools)) throw invalid("expected a list of tools");
  const allowed = tools.flatMap((tool: unknown) => (isOffered(tool) ? [nameOf(tool)] : []));
  for (const name of allowed) {
    if (!names.has(name)) throw invalid(`no tool that the model could call is named '${name.slice(0, 128)}'`);
  }
  const only = new Set(allowed);
  return { ...modeChoice(mode, only), only };
}

/** What runs at some vendor's may be allowed, and is left out. */
const isOffered = (tool: unknown): tool is Members =>
  typeof tool === "object" && tool !== null && NAMED.has((tool as Members)["type"]);
const NAMED: ReadonlySet<unknown> = new Set(["function", "custom"]);

/** The name of a tool that is chosen: inside of a member of its type's name, or beside it. */
function nameOf(choice: Members): string {
  const inner = choice[String(choice["type"])];
  const { name } = (typeof inner === "object" && inner !== null ? inner : choice) as Members;
  if (typeof name === "string") return name;
  throw invalid("a tool is chosen by its name");
}

function invalid(why: string): HearthError {
  return invalidMember("tool_choice", why);
}
