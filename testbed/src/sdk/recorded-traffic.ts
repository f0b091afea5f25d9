import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

/** A dialect in which a server has answered. */
export type SpokenDialect = "chat_completions" | "completions" | "responses" | "messages";

type Members = Readonly<Record<string, unknown>>;

/** What a server has once answered, byte for byte. */
export interface Recording {
  /** Its file, below the folder. */
  readonly name: string;
  readonly dialect: SpokenDialect;
  readonly isStream: boolean;
  readonly body: string;
  /** Its events, or its one body. */
  readonly values: readonly Members[];
}

/**
 * All recordings of answers below a folder. A stream is a file with the data of an event a line (`.chunks.txt`) or a
 * body as it came (`.sse`), a whole answer a `.json`. Whatever else they hold is passed over.
 */
export function readRecordings(folder: string): readonly Recording[] {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort();
  return paths.flatMap((path) => readRecording(relative(folder, path), path) ?? []);
}

function readRecording(name: string, path: string): Recording | undefined {
  if (!/\.(json|sse|chunks\.txt)$/.test(name)) return undefined;
  const text = readFileSync(path, "utf8");
  const isStream = !name.endsWith(".json");
  const data = isStream ? dataOf(text, name.endsWith(".sse")) : [text];
  const values = data.map(parsed);
  const dialect = values.map((value) => dialectOf(value, isStream)).find((each) => each !== undefined);
  if (dialect === undefined) return undefined;
  const body = name.endsWith(".chunks.txt") ? streamOf(dialect, data) : text;
  return { name, dialect, isStream, body, values };
}

function dataOf(text: string, isBody: boolean): readonly string[] {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  return isBody ? lines.filter((line) => /^data: ?\{/.test(line)).map((line) => line.slice(line.indexOf("{"))) : lines;
}

function streamOf(dialect: SpokenDialect, data: readonly string[]): string {
  const isNamed = dialect === "messages" || dialect === "responses";
  const events = data.map((each) => `${isNamed ? `event: ${String(parsed(each)["type"])}\n` : ""}data: ${each}\n\n`);
  return events.join("").concat(isNamed ? "" : "data: [DONE]\n\n");
}

/** What is no JSON says nothing here. */
function parsed(text: string): Members {
  try {
    return JSON.parse(text) as Members;
  } catch {
    return {};
  }
}

function dialectOf({ object, type, choices }: Members, isStream: boolean): SpokenDialect | undefined {
  if (object === "text_completion") return "completions";
  if (Array.isArray(choices)) return "chat_completions";
  if (type === (isStream ? "message_start" : "message")) return "messages";
  return (isStream ? type === "response.created" : object === "response") ? "responses" : undefined;
}
