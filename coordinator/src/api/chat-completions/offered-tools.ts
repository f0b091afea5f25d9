import { type JsonNode, type JsonObjectText, type Splice, splice } from "@hearth/dialects";
import { invalidMember } from "../../platform/errors.js";
import { freeformFunction } from "../translation/freeform-function.js";
import type { ChatCompletionBody } from "./parse.js";
import { itemsOf } from "./small-repairs.js";
import { toolChoice } from "./tool-choice.js";

/** The tools of a chat as backends know them: functions, and nothing else. */
export interface OfferedTools {
  /** What changes in the body; nothing where all are functions in their usual form. */
  readonly edits: ReadonlyMap<string, string | undefined>;
  /** The repairs that are still to be made. */
  readonly repairs: readonly Splice[];
  /** Types of tools that are left out: they run at some vendor's. */
  readonly ignored: readonly string[];
  /** Names of the tools that the model may call. */
  readonly names: ReadonlySet<string>;
  /** Of them, those that are called with a text of any form, and whose calls are told so. */
  readonly custom: ReadonlySet<string>;
}

type Tool = NonNullable<ChatCompletionBody["tools"]>[number];

/** What a tool is to a model. */
type Offer =
  | { readonly kind: "as_it_came"; readonly name: string }
  /** A function without the object around it, as Responses has it. */
  | { readonly kind: "flat"; readonly name: string }
  | { readonly kind: "custom"; readonly name: string; readonly function: object }
  | { readonly kind: "hosted"; readonly type: string };

const NO_TOOLS: Omit<OfferedTools, "repairs"> = { edits: new Map(), ignored: [], names: new Set(), custom: new Set() };

/**
 * @param repairs what changes inside of the body's lists; those of tools that are written anew are made at once
 * @throws HearthError `invalid_request` for a tool without a name, and for a choice of one that is not offered
 */
export function offeredTools(
  object: JsonObjectText,
  body: ChatCompletionBody,
  repairs: readonly Splice[],
): OfferedTools {
  if (body.tools === undefined && body.tool_choice === undefined) return { ...NO_TOOLS, repairs };
  const offers = (body.tools ?? []).map(offerOf);
  const named = offers.filter((offer) => offer.kind !== "hosted");
  const names = new Set(named.map(({ name }) => name));
  const choice = toolChoice(body, names);
  const kept = new Set(offers.filter((offer) => offer.kind !== "hosted" && (choice.only?.has(offer.name) ?? true)));
  const edits = new Map(choice.edits);
  const isChanged = kept.size < offers.length || offers.some(({ kind }) => kind !== "as_it_came");
  const items = isChanged ? itemsOf(object, "tools") : [];
  const { inside, left } = repairsOf(items, repairs);
  if (isChanged) {
    const texts = items.flatMap((item, index) => {
      const offer = offers[index];
      return offer && kept.has(offer) ? [textOf(offer, repaired(object.text, item, inside[index] ?? []))] : [];
    });
    edits.set("tools", texts.length === 0 ? undefined : `[${texts.join(",")}]`);
    if (texts.length === 0) edits.set("parallel_tool_calls", undefined);
  }
  return {
    edits,
    repairs: left,
    ignored: [...new Set(offers.flatMap((offer) => (offer.kind === "hosted" ? [offer.type] : [])))],
    names,
    custom: new Set(named.flatMap((offer) => (offer.kind === "custom" ? [offer.name] : []))),
  };
}

function offerOf(tool: Tool, index: number): Offer {
  const { type, function: called } = tool;
  switch (type) {
    case "function":
      if (called) return { kind: "as_it_came", name: called.name };
      return { kind: "flat", name: nameIn(tool, `tools[${index}].function`) };
    case "custom": {
      const custom = (tool["custom"] ?? tool) as Members;
      const { description, format } = custom;
      const name = nameIn(custom, `tools[${index}].custom.name`);
      const text = typeof description === "string" ? description : undefined;
      return {
        kind: "custom",
        name,
        function: { name, ...freeformFunction({ description: text, grammar: grammarOf(format) }) },
      };
    }
  }
  return { kind: "hosted", type };
}

type Members = Readonly<Record<string, unknown>>;

function nameIn({ name }: Members, param: string): string {
  if (typeof name === "string" && name !== "") return name;
  throw invalidMember(param, "a tool needs a name");
}

/** Chat completions nest what Responses has in one object. */
function grammarOf(format: unknown): { readonly syntax?: string; readonly definition?: string } | undefined {
  if (typeof format !== "object" || format === null) return undefined;
  const { syntax, definition } = ((format as Members)["grammar"] ?? format) as Members;
  return {
    ...(typeof syntax === "string" ? { syntax } : {}),
    ...(typeof definition === "string" ? { definition } : {}),
  };
}

/** @param text the tool as it came */
function textOf(offer: Offer, text: string): string {
  switch (offer.kind) {
    case "flat":
      return `{"type":"function","function":${text}}`;
    case "custom":
      return JSON.stringify({ type: "function", function: offer.function });
    case "as_it_came":
    case "hosted":
      return text;
  }
}

interface Repairs {
  /** Those inside of each item. */
  readonly inside: readonly (readonly Splice[])[];
  readonly left: readonly Splice[];
}

function repairsOf(items: readonly JsonNode[], repairs: readonly Splice[]): Repairs {
  const [first, last] = [items.at(0), items.at(-1)];
  if (first === undefined || last === undefined) return { inside: [], left: repairs };
  const isOutside = ({ start, end }: Splice): boolean => end <= first.start || start >= last.end;
  const within = repairs.filter((repair) => !isOutside(repair)).toSorted((a, b) => a.start - b.start);
  let next = 0;
  const inside = items.map((item) => {
    const from = next;
    while ((within[next]?.start ?? Number.POSITIVE_INFINITY) < item.end) next += 1;
    return within.slice(from, next);
  });
  return { inside, left: repairs.filter(isOutside) };
}

function repaired(text: string, item: JsonNode, repairs: readonly Splice[]): string {
  const shifted = repairs.map((each) => ({ ...each, start: each.start - item.start, end: each.end - item.start }));
  return splice(text.slice(item.start, item.end), shifted);
}
