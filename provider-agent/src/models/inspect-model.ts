import { createHash } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { describeFault } from "@hearth/platform";
import { type ChatTemplates, DEFAULT_TEMPLATE } from "./chat-template.js";
import { readChatTemplates } from "./chat-templates.js";
import { groupGgufFiles } from "./gguf-files.js";
import { type GgufMetadata, readGgufMetadata } from "./gguf-metadata.js";
import { readFolderFacts, weightFiles } from "./model-folder.js";
import type { TemplateHost } from "./template-fixtures.js";

/** What a model's files say without its weights being read. */
export interface InspectedModel {
  readonly format: "gguf" | "safetensors";
  /** Absolute paths of the weights; a projector is not among them. */
  readonly files: readonly string[];
  readonly weightsBytes: number;
  readonly architecture: string | undefined;
  readonly quantization: string | undefined;
  readonly contextLength: number | undefined;
  readonly parameterCount: number | undefined;
  readonly vision: boolean;
  /** Who renders its templates: llama.cpp for GGUF files, and for folders transformers in one program or another. */
  readonly host: TemplateHost;
  readonly templates: ChatTemplates;
}

export type ModelInspection =
  | { readonly type: "model"; readonly model: InspectedModel }
  /** `problem` is a short phrase, like `ENOENT`. */
  | { readonly type: "unreadable"; readonly problem: string };

/** Reads what is around the weights. Never rejects. @param path a GGUF file, any part of a split one, or a folder */
export async function inspectModel(path: string): Promise<ModelInspection> {
  try {
    return (await stat(path)).isDirectory() ? await inspectFolder(path) : await inspectGguf(path);
  } catch (error) {
    return { type: "unreadable", problem: describeFault(error).code ?? "it cannot be read" };
  }
}

/** SHA-256 of the text of the template that is used unless another is asked for, as hexadecimal digits. */
export function templateHash({ templates }: ChatTemplates): string | undefined {
  const used = templates.find(({ name }) => name === DEFAULT_TEMPLATE) ?? templates[0];
  return used && createHash("sha256").update(used.source).digest("hex");
}

async function inspectFolder(folder: string): Promise<ModelInspection> {
  const names = await readdir(folder);
  const own = await weightFiles(folder, names);
  if (own.length === 0) {
    const { models } = groupGgufFiles(names);
    const only = models.length === 1 ? models[0]?.files[0] : undefined;
    if (only !== undefined) return await inspectGguf(join(folder, only));
    return { type: "unreadable", problem: models.length === 0 ? "it holds no model" : "it holds several models" };
  }
  const files = own.map((name) => join(folder, name));
  const facts = await readFolderFacts(folder);
  const model: InspectedModel = {
    format: "safetensors",
    files,
    weightsBytes: await totalBytes(files),
    architecture: facts?.architecture,
    quantization: facts?.quantization,
    contextLength: facts?.contextLength,
    parameterCount: undefined,
    vision: facts?.vision ?? false,
    host: "transformers",
    templates: await readChatTemplates({ type: "folder", path: folder }),
  };
  return { type: "model", model };
}

async function inspectGguf(path: string): Promise<ModelInspection> {
  const folder = dirname(path);
  const { models, projectors } = groupGgufFiles(await readdir(folder));
  const group = models.find(({ files }) => files.includes(basename(path)));
  const files = (group?.files ?? [basename(path)]).map((file) => join(folder, file));
  const readings = await Promise.all(files.map(readGgufMetadata));
  const parts: GgufMetadata[] = [];
  for (const reading of readings) {
    if (reading.type === "unreadable") return reading;
    parts.push(reading.metadata);
  }
  const [first] = parts;
  if (first === undefined || first.kind !== "model")
    return { type: "unreadable", problem: "it is no model of its own" };
  const { architecture, quantization, contextLength, templates, specialTokens } = first;
  const model: InspectedModel = {
    format: "gguf",
    files,
    weightsBytes: await totalBytes(files),
    architecture,
    quantization,
    contextLength,
    parameterCount: sum(parts.map(({ parameterCount }) => parameterCount)),
    vision: projectors.length > 0,
    host: "llama_cpp",
    templates: { templates, specialTokens, problems: [] },
  };
  return { type: "model", model };
}

async function totalBytes(files: readonly string[]): Promise<number> {
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
  return sizes.reduce((total, size) => total + size, 0);
}

/** Of unknown parts there is no sum. */
function sum(counts: readonly (number | undefined)[]): number | undefined {
  return counts.reduce((total, count) => (total === undefined || count === undefined ? undefined : total + count), 0);
}
