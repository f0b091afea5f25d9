import { basename, join } from "node:path";
import { z } from "zod";
import { readBounded } from "./bounded-file.js";

/** What the files around the weights say of a Hugging Face or MLX model. */
export interface FolderFacts {
  readonly architecture: string | undefined;
  readonly contextLength: number | undefined;
  /** Like `4-bit` (MLX), `awq 4-bit` or `bfloat16`. */
  readonly quantization: string | undefined;
  readonly vision: boolean;
}

const MAX_CONFIG_BYTES = 4 * 1024 * 1024;
/** The index of a model of a thousand layers names each tensor. */
const MAX_INDEX_BYTES = 64 * 1024 * 1024;
const INDEX_FILE = "model.safetensors.index.json";

const text = z.string().min(1).max(64).optional().catch(undefined);
const tokens = z.number().int().positive().max(1e9).optional().catch(undefined);
const bits = z.number().positive().max(64).optional().catch(undefined);
const dtypes = { torch_dtype: text, dtype: text };

const configSchema = z.object({
  model_type: text,
  max_position_embeddings: tokens,
  ...dtypes,
  text_config: z
    .object({ max_position_embeddings: tokens, ...dtypes })
    .optional()
    .catch(undefined),
  vision_config: z.looseObject({}).optional().catch(undefined),
  /** MLX. */
  quantization: z.object({ bits }).optional().catch(undefined),
  quantization_config: z.object({ quant_method: text, bits }).optional().catch(undefined),
});

type Config = z.infer<typeof configSchema>;

/** Reads `config.json`. Never rejects. @returns `undefined` when there is none that can be read */
export async function readFolderFacts(folder: string): Promise<FolderFacts | undefined> {
  const config = await readJson(join(folder, "config.json"), MAX_CONFIG_BYTES, configSchema);
  if (config === undefined) return undefined;
  return {
    architecture: config.model_type,
    contextLength: config.text_config?.max_position_embeddings ?? config.max_position_embeddings,
    quantization: quantizationOf(config),
    vision: config.vision_config !== undefined,
  };
}

/**
 * The weights among a folder's files, in the order of their names: those of the index where there is one, since some
 * models come in two forms.
 */
export async function weightFiles(folder: string, names: readonly string[]): Promise<string[]> {
  const all = names.filter((name) => name.endsWith(".safetensors")).sort();
  if (!names.includes(INDEX_FILE)) return all;
  const schema = z.object({ weight_map: z.record(z.string(), z.string()) });
  const index = await readJson(join(folder, INDEX_FILE), MAX_INDEX_BYTES, schema);
  const listed = new Set(Object.values(index?.weight_map ?? {}).map((name) => basename(name)));
  const found = all.filter((name) => listed.has(name));
  return found.length === 0 ? all : found;
}

function quantizationOf(config: Config): string | undefined {
  const mlx = config.quantization?.bits;
  if (mlx !== undefined) return `${mlx}-bit`;
  const method = config.quantization_config?.quant_method;
  const width = config.quantization_config?.bits;
  const parts = [method, ...(width === undefined ? [] : [`${width}-bit`])].filter((part) => part !== undefined);
  if (parts.length > 0) return parts.join(" ");
  return config.dtype ?? config.torch_dtype ?? config.text_config?.dtype ?? config.text_config?.torch_dtype;
}

async function readJson<T>(path: string, maxBytes: number, schema: z.ZodType<T>): Promise<T | undefined> {
  const content = await readBounded(path, maxBytes);
  if (content.type !== "read") return undefined;
  try {
    return schema.safeParse(JSON.parse(content.text)).data;
  } catch {
    return undefined;
  }
}
