import type { ChosenTool } from "./tool-schemas.js";

/** What a function of the chat stands for, so that its calls come back as what they are. */
export type ToolOrigin =
  | { readonly kind: "function"; readonly name: string; readonly namespace?: string | undefined }
  | { readonly kind: "custom"; readonly name: string; readonly namespace?: string | undefined }
  | { readonly kind: "local_shell" }
  | { readonly kind: "shell" }
  | { readonly kind: "apply_patch" }
  | { readonly kind: "tool_search" };

/** A tool as the model sees it: a function under a name of its own. */
export interface OfferedTool {
  readonly name: string;
  readonly origin: ToolOrigin;
  /** The members of the function besides its name. */
  readonly function: Readonly<Record<string, unknown>>;
}

/** Characters of a function's name at most, as everywhere in OpenAI's API. */
const MAX_NAME_LENGTH = 128;

/** Tools, and every way to find them: a body may hold very many, and name each of them very often. */
export class OfferedTools {
  readonly #byName = new Map<string, OfferedTool>();
  readonly #byOrigin = new Map<string, OfferedTool>();
  /** By all that a choice may mean. */
  readonly #byChoice = new Map<string, OfferedTool[]>();
  /** The number that a name was last told apart by. */
  readonly #counts = new Map<string, number>();

  get all(): readonly OfferedTool[] {
    return [...this.#byName.values()];
  }

  /** A tool that is offered again is the same one; another one of the same name gets a name of its own. */
  add(origin: ToolOrigin, called: OfferedTool["function"]): void {
    const key = originKey(origin);
    if (this.#byOrigin.has(key)) return;
    const tool: OfferedTool = { name: this.#freeName(plainNameOf(origin)), origin, function: called };
    this.#byName.set(tool.name, tool);
    this.#byOrigin.set(key, tool);
    for (const choice of choiceKeys(origin)) {
      const chosen = this.#byChoice.get(choice);
      if (chosen === undefined) this.#byChoice.set(choice, [tool]);
      else chosen.push(tool);
    }
  }

  named(name: string): OfferedTool | undefined {
    return this.#byName.get(name);
  }

  /** The name under which a tool is offered, or would be: what was called earlier may be gone by now. */
  nameOf(origin: ToolOrigin): string {
    return this.#byOrigin.get(originKey(origin))?.name ?? plainNameOf(origin);
  }

  /** The tools that a choice means. A function may be chosen without its namespace. */
  chosenBy(choice: ChosenTool): readonly OfferedTool[] {
    return this.#byChoice.get(choiceKey(choice)) ?? [];
  }

  #freeName(plain: string): string {
    const start = plain.slice(0, MAX_NAME_LENGTH);
    let name = start;
    while (this.#byName.has(name)) {
      const count = (this.#counts.get(start) ?? 1) + 1;
      this.#counts.set(start, count);
      const suffix = `_${count}`;
      name = start.slice(0, MAX_NAME_LENGTH - suffix.length) + suffix;
    }
    return name;
  }
}

/** The same for choices that mean the same. */
export const choiceKey = ({ type, name, namespace }: ChosenTool): string =>
  keyOf(type, HAS_NAME.has(type) ? name : undefined, HAS_NAME.has(type) ? namespace : undefined);

/** Types that a choice needs a name for. */
const HAS_NAME: ReadonlySet<string> = new Set(["function", "custom", "namespace"]);

const keyOf = (...parts: readonly (string | null | undefined)[]): string =>
  JSON.stringify(parts.map((part) => part || null));

function originKey(origin: ToolOrigin): string {
  return "name" in origin ? keyOf(origin.kind, origin.name, origin.namespace) : keyOf(origin.kind);
}

function choiceKeys(origin: ToolOrigin): readonly string[] {
  if (!("name" in origin)) return [choiceKey({ type: origin.kind })];
  const { kind: type, name, namespace } = origin;
  if (!namespace) return [choiceKey({ type, name })];
  return [
    choiceKey({ type, name }),
    choiceKey({ type, name, namespace }),
    choiceKey({ type: "namespace", name: namespace }),
  ];
}

/** Its own name, behind that of its namespace, as tools of MCP servers are called everywhere. */
function plainNameOf(origin: ToolOrigin): string {
  if (!("name" in origin)) return origin.kind;
  const { name, namespace } = origin;
  if (!namespace) return name;
  return namespace.endsWith("__") ? namespace + name : `${namespace}__${name}`;
}
