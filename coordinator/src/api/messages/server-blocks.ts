import { z } from "zod";

/** Blocks in which an answer of Anthropic's tells what its servers did for it, as a client sends them back. */
const TYPES = [
  ...["server_tool_use", "mcp_tool_use", "mcp_tool_result", "web_search_tool_result", "web_fetch_tool_result"],
  ...["code_execution_tool_result", "bash_code_execution_tool_result", "text_editor_code_execution_tool_result"],
  ...["tool_search_tool_result", "advisor_tool_result", "compaction", "mcp_tool_listing", "fallback"],
] as const;

export const serverBlock = z.looseObject({ type: z.enum(TYPES) });
export type ServerBlock = z.infer<typeof serverBlock>;

const SERVER_TYPES: ReadonlySet<string> = new Set(TYPES);
export const isServerBlock = (block: { readonly type: string }): block is ServerBlock => SERVER_TYPES.has(block.type);

/** What is told of one such block at most, characters: the answer that follows it says what mattered. */
const MAX_LENGTH = 4_096;

/** Members that hold what a model could read, in the order in which it is told. */
const TOLD = [
  ...["title", "url", "text", "stdout", "stderr", "data", "tool_name", "error_code", "summary"],
  ...["content", "source", "tool_references"],
];
const MAX_DEPTH = 8;

/** A block as a short text, which is all that a model without the tool can make of it; empty where there is nothing. */
export function textOfServerBlock(block: ServerBlock): string {
  switch (block.type) {
    case "server_tool_use":
    case "mcp_tool_use":
      return `[Called ${short(block["name"])}: ${cut(JSON.stringify(block["input"] ?? {}))}]\n`;
    case "compaction":
      return typeof block["content"] === "string" ? block["content"] : "";
  }
  const said: string[] = [];
  read(block["content"], said, MAX_DEPTH);
  return said.length === 0 ? "" : `[Result: ${cut(said.join("\n"))}]\n`;
}

function read(value: unknown, said: string[], levels: number): void {
  if (typeof value === "string") {
    if (value !== "") said.push(value);
  } else if (levels === 0 || typeof value !== "object" || value === null) return;
  else if (Array.isArray(value)) for (const each of value) read(each, said, levels - 1);
  else if ((value as { readonly type?: unknown }).type !== "base64") {
    for (const name of TOLD) read((value as Readonly<Record<string, unknown>>)[name], said, levels - 1);
  }
}

const short = (name: unknown): string => (typeof name === "string" ? name.slice(0, 128) : "a tool");
const cut = (text: string): string => (text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text);
