import { repairTools } from "@hearth/dialects";
import { cpuOf } from "./cpu-of.js";
import { figure, markdownTable } from "./table.js";

const TOOLS_BYTES = 32 * 1024;

interface Case {
  readonly name: string;
  readonly body: string;
  /** The most it may cost, µs; what has none is there for comparison. */
  readonly limitMicros: number | undefined;
}

/** Prints what the repair of tool schemas costs, µs of CPU a body. */
export function benchToolSchema(print: (text: string) => void): void {
  const rows = cases().map(({ name, body, limitMicros }) => {
    const micros = cpuOf(() => void repairTools(body, "loose_types"));
    const parse = cpuOf(() => void JSON.parse(body));
    const verdict = limitMicros === undefined ? "–" : micros <= limitMicros ? "yes" : "NO";
    return [name, figure(micros, 1), figure(parse, 1), figure(limitMicros, 0), verdict];
  });
  print(markdownTable(["CPU µs a body", "repair", "JSON.parse", "limit", "kept"], rows));
}

function cases(): Case[] {
  const prompt = 'A sentence that says \\"nothing\\" of tools. '.repeat(100);
  return [
    { name: "32 KiB of tools, every schema to repair", body: bodyWith(["string", "null"]), limitMicros: 1_000 },
    { name: "32 KiB of tools, nothing to repair", body: bodyWith("string"), limitMicros: 1_000 },
    { name: "4 KiB without tools", body: `{"messages":[{"role":"user","content":"${prompt}"}]}`, limitMicros: 20 },
    { name: "4 KiB without tools that speaks of them", body: talkOf(prompt), limitMicros: undefined },
  ];
}

function talkOf(prompt: string): string {
  return `{"messages":[{"role":"user","content":"${prompt}","tools":0}]}`;
}

/** A body whose tools have the shape that Pydantic gives them, 32 KiB of it. */
function bodyWith(type: unknown): string {
  const tools: object[] = [];
  while (JSON.stringify(tools).length < TOOLS_BYTES) tools.push(toolOf(tools.length, type));
  return JSON.stringify({ model: "m", messages: [{ role: "user", content: "hi" }], tools });
}

function toolOf(index: number, type: unknown): object {
  const field = (name: string): object => ({ type, title: name, description: `What ${name} is for, in a sentence.` });
  const properties = Object.fromEntries(["query", "path", "limit", "since"].map((name) => [name, field(name)]));
  const parameters = {
    type: "object",
    properties: { ...properties, tags: { type: "array", items: field("tag") } },
    required: ["query"],
    additionalProperties: false,
  };
  const description = `Does the ${index}th thing, and says what came of it.`;
  return { type: "function", function: { name: `tool_${index}`, description, parameters } };
}
