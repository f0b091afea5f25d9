import { availableParallelism } from "node:os";
import {
  getLlama,
  InsufficientMemoryError,
  type Llama,
  type LlamaContext,
  LlamaLogLevel,
  type LlamaModel,
} from "node-llama-cpp";
import { LanguageModel } from "./language-model.js";
import { LoadError } from "./load-error.js";
import { defaultThreads } from "./thread-count.js";

export interface LoadOptions {
  readonly modelPath: string;
  readonly modelId: string;
  /** Sequences that generate at the same time. */
  readonly slots: number;
  readonly threads?: number | undefined;
  /** Tokens of prompt and answer that each slot holds; at most what the model was trained for. */
  readonly contextTokens?: number | undefined;
  readonly log: (line: string) => void;
}

/** Each slot's context if nobody says: enough for a chat, and small enough that four of them fit beside the model. */
const DEFAULT_CONTEXT_TOKENS = 8_192;
const MIN_CONTEXT_TOKENS = 512;

/**
 * Loads llama.cpp, the model and its context.
 * @throws {LoadError}
 */
export async function loadModel(options: LoadOptions): Promise<LanguageModel> {
  const llama = await startLlama(options.log);
  const model = await openModel(llama, options.modelPath);
  const cores = Math.min(llama.cpuMathCores, availableParallelism());
  const threads = options.threads ?? defaultThreads({ modelBytes: model.size, cores });
  const context = await openContext(model, { ...options, threads });
  return new LanguageModel({ id: options.modelId, model, context });
}

async function startLlama(log: (line: string) => void): Promise<Llama> {
  try {
    return await getLlama({
      gpu: process.platform === "darwin" ? "auto" : false,
      build: "never",
      skipDownload: true,
      progressLogs: false,
      // The context's own number decides; this bound would otherwise raise or lower it.
      maxThreads: 0,
      logLevel: LlamaLogLevel.error,
      logger: (level, message) => log(`llama.cpp ${level}: ${message.trim()}`),
    });
  } catch (cause) {
    throw new LoadError("engine_unavailable", `llama.cpp does not run on this machine: ${messageOf(cause)}`, { cause });
  }
}

async function openModel(llama: Llama, modelPath: string): Promise<LlamaModel> {
  try {
    return await llama.loadModel({ modelPath });
  } catch (cause) {
    if (cause instanceof InsufficientMemoryError) throw outOfMemory("The model", cause);
    throw new LoadError("model_corrupt", `${modelPath} is not a model that llama.cpp can load: ${messageOf(cause)}`, {
      cause,
    });
  }
}

async function openContext(
  model: LlamaModel,
  options: { readonly slots: number; readonly threads: number; readonly contextTokens?: number | undefined },
): Promise<LlamaContext> {
  const trained = model.trainContextSize;
  const contextSize =
    options.contextTokens === undefined
      ? { min: Math.min(MIN_CONTEXT_TOKENS, trained), max: Math.min(DEFAULT_CONTEXT_TOKENS, trained) }
      : Math.min(options.contextTokens, trained);
  try {
    return await model.createContext({
      sequences: options.slots,
      threads: options.threads,
      contextSize,
      // On a CPU flash attention takes up to eight times as long for the small batches of a few parallel answers.
      flashAttention: model.llama.gpu === false ? false : "auto",
    });
  } catch (cause) {
    throw outOfMemory(`A context for ${options.slots} parallel answers`, cause);
  }
}

function outOfMemory(what: string, cause: unknown): LoadError {
  return new LoadError("out_of_memory", `${what} does not fit this machine's memory: ${messageOf(cause)}`, { cause });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
