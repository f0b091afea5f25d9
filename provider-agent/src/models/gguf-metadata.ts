import { type FileHandle, open, stat } from "node:fs/promises";
import { describeFault } from "@hearth/platform";
import { hasCode } from "../platform/agent-error.js";
import { type ChatTemplate, DEFAULT_TEMPLATE, MAX_TEMPLATE_CHARS, MAX_TEMPLATES } from "./chat-template.js";
import { fileTypeName } from "./gguf-file-types.js";
import { type GgufHeader, type GgufValue, readHeader } from "./gguf-header.js";
import { GgufReader } from "./gguf-reader.js";

/** What a GGUF file says of the model in it. */
export interface GgufMetadata {
  /** `projector`: what makes tokens of pictures or sound for a model in another file. */
  readonly kind: "model" | "projector" | "adapter";
  readonly architecture: string | undefined;
  readonly name: string | undefined;
  /** Tokens it was trained for. */
  readonly contextLength: number | undefined;
  /** What its weights mostly are, like `Q4_K_M`. */
  readonly quantization: string | undefined;
  /** Weights in this file; the parts of a model add up. `undefined` when the file could not hold as many as it says. */
  readonly parameterCount: number | undefined;
  /** Files that the model is split into. */
  readonly parts: number;
  /** A projector takes pictures. */
  readonly vision: boolean;
  readonly templates: readonly ChatTemplate[];
  readonly specialTokens: Readonly<Record<string, string>>;
}

export type GgufReading =
  | { readonly type: "read"; readonly metadata: GgufMetadata }
  /** `problem` is a short phrase, like `the file is cut off`. */
  | { readonly type: "unreadable"; readonly problem: string };

const TEMPLATE_KEY = "tokenizer.chat_template";
const SPECIAL_TOKENS = {
  bos_token: "tokenizer.ggml.bos_token_id",
  eos_token: "tokenizer.ggml.eos_token_id",
  unk_token: "tokenizer.ggml.unknown_token_id",
  pad_token: "tokenizer.ggml.padding_token_id",
} as const;
const MAX_TOKEN_BYTES = 1024;
const MAX_NAME_CHARS = 256;

/**
 * Reads what stands before the weights, in windows of 1 MiB: a vocabulary is passed over and not kept. (The package
 * `@huggingface/gguf` 0.4.6 keeps it, and takes a file that is cut off for a whole one.) Never rejects.
 */
export async function readGgufMetadata(path: string): Promise<GgufReading> {
  let file: FileHandle | undefined;
  try {
    const found = await stat(path);
    // Opening a pipe would block until something writes to it.
    if (!found.isFile()) return { type: "unreadable", problem: "it is no file" };
    file = await open(path, "r");
    const reader = new GgufReader(file, found.size);
    const header = await readHeader(reader);
    return {
      type: "read",
      metadata: { ...describe(header, found.size), specialTokens: await readTokens(reader, header) },
    };
  } catch (error) {
    const problem = hasCode(error, "gguf_unreadable")
      ? error.message
      : (describeFault(error).code ?? "it cannot be read");
    return { type: "unreadable", problem };
  } finally {
    await file?.close();
  }
}

function describe({ values, parameterCount }: GgufHeader, fileBytes: number): Omit<GgufMetadata, "specialTokens"> {
  const architecture = textOf(values.get("general.architecture"));
  const fileType = countOf(values.get("general.file_type"));
  return {
    kind: kindOf(values, architecture),
    architecture,
    name: textOf(values.get("general.name")),
    contextLength: countOf(values.get(`${architecture}.context_length`)) || undefined,
    quantization: fileType === undefined ? undefined : fileTypeName(fileType),
    // No format has less than a bit a weight.
    parameterCount: parameterCount <= fileBytes * 8 ? parameterCount : undefined,
    parts: countOf(values.get("split.count")) || 1,
    vision: values.get("clip.has_vision_encoder") === true,
    templates: templatesOf(values),
  };
}

function kindOf(values: GgufHeader["values"], architecture: string | undefined): GgufMetadata["kind"] {
  const type = values.get("general.type");
  if (type === "mmproj" || architecture === "clip") return "projector";
  return type === "adapter" ? "adapter" : "model";
}

/** `tokenizer.chat_template`, and one `tokenizer.chat_template.NAME` for each name in `tokenizer.chat_templates`. */
function templatesOf(values: GgufHeader["values"]): ChatTemplate[] {
  const templates: ChatTemplate[] = [];
  for (const [key, source] of values) {
    if (typeof source !== "string" || source.length > MAX_TEMPLATE_CHARS || templates.length === MAX_TEMPLATES)
      continue;
    if (key === TEMPLATE_KEY) templates.unshift({ name: DEFAULT_TEMPLATE, origin: key, source });
    else if (key.startsWith(`${TEMPLATE_KEY}.`)) {
      templates.push({ name: key.slice(TEMPLATE_KEY.length + 1), origin: key, source });
    }
  }
  return templates;
}

async function readTokens(reader: GgufReader, header: GgufHeader): Promise<Record<string, string>> {
  const tokens: Record<string, string> = {};
  const { vocabulary, values } = header;
  if (vocabulary === undefined) return tokens;
  for (const [name, key] of Object.entries(SPECIAL_TOKENS)) {
    const id = countOf(values.get(key));
    if (id === undefined || id >= vocabulary.count) continue;
    reader.seek(vocabulary.offset);
    await reader.skipTexts(id);
    tokens[name] = await reader.text(MAX_TOKEN_BYTES);
  }
  return tokens;
}

function textOf(value: GgufValue | undefined): string | undefined {
  return typeof value === "string" && value !== "" ? value.slice(0, MAX_NAME_CHARS) : undefined;
}

function countOf(value: GgufValue | undefined): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
