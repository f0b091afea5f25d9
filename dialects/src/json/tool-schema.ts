import { type JsonMember, readMembers } from "./json-members.js";
import { type JsonNode, type JsonObject, readNode } from "./json-nodes.js";
import { type Splice, splice } from "./json-text.js";
import { RepairTooLarge, type SchemaLimit, SchemaRepair } from "./schema-repair.js";

/** Tools over this size are left alone, and a repair adds no more than this to them, characters. */
const MAX_TOOLS_LENGTH = 4 * 1024 * 1024;

/** Members of a body that hold tools: those of today, and OpenAI's `functions` of before. */
const TOOL_MEMBERS = ["tools", "functions"];

/**
 * A body whose tools have schemas that a server with a limit can read; all else keeps its bytes. The size of the rest
 * of the body costs one look over it.
 *
 * @param text a JSON object, of any dialect; its bytes may stand in it a character each
 * @returns `undefined` where nothing is to change, or a doubt forbids it
 */
export function repairTools(text: string, limit: SchemaLimit): string | undefined {
  if (!TOOL_MEMBERS.some((name) => text.includes(`"${name}"`))) return undefined;
  const result = readMembers(text);
  if (result.type !== "object") return undefined;
  const { members } = result.object;
  const splices = TOOL_MEMBERS.flatMap((name) => {
    const [member, ...more] = members.filter(({ key }) => key === name);
    return member === undefined || more.length > 0 ? [] : repairsIn(text, member, limit);
  });
  return splices.length === 0 ? undefined : splice(text, splices);
}

function repairsIn(text: string, { start, end }: JsonMember, limit: SchemaLimit): readonly Splice[] {
  if (end - start > MAX_TOOLS_LENGTH) return [];
  const list = readNode(text, start);
  if (list?.kind !== "array") return [];
  const splices: Splice[] = [];
  let left = MAX_TOOLS_LENGTH;
  for (const home of list.items.flatMap(schemaHomes)) {
    const repaired = repairedWithin(left, text, home, limit);
    if (repaired === undefined) return [];
    left -= Math.max(0, repaired.length - (home.end - home.start));
    if (repaired !== text.slice(home.start, home.end)) {
      splices.push({ start: home.start, end: home.end, text: repaired });
    }
  }
  return splices;
}

function repairedWithin(maxAdded: number, text: string, home: JsonObject, limit: SchemaLimit): string | undefined {
  try {
    return new SchemaRepair(text, home, maxAdded).for(limit);
  } catch (thrown) {
    if (thrown instanceof RepairTooLarge) return undefined;
    throw thrown;
  }
}

/** Where a tool has its schema: in `function` as a chat has it, flat as responses and `functions` have it, messages. */
function schemaHomes(entry: JsonNode): JsonObject[] {
  if (entry.kind !== "object") return [];
  const wrapper = entry.members.get("function");
  const owner = wrapper?.kind === "object" ? wrapper : entry;
  const homes = [owner.members.get("parameters"), entry.members.get("input_schema")];
  // A root that says nothing stands for a tool without parameters.
  return homes.filter((home) => home?.kind === "object").filter((home) => home.members.size > 0);
}
