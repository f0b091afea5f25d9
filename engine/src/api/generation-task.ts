import type { Token } from "node-llama-cpp";
import type { Ambient } from "../ambient.js";
import { type AnswerShape, answerGrammar } from "../grammar/answer-grammar.js";
import type { GenerationTask, Sampling } from "../model/generate.js";
import type { LanguageModel } from "../model/language-model.js";
import { TOOL_CALL_CLOSE } from "../text/tool-call-parser.js";
import { ApiError } from "./api-error.js";
import type { ChatRequest, ChatTool } from "./chat-request.js";
import { type CommonRequest, stopList } from "./common-request.js";
import type { CompletionRequest } from "./completion-request.js";
import { templateMessage } from "./template-messages.js";

/** llama.cpp's own defaults, which suit small models better than OpenAI's. */
const DEFAULT_TEMPERATURE = 0.8;
const DEFAULT_TOP_P = 0.95;
const DEFAULT_TOP_K = 40;
const DEFAULT_MIN_P = 0.05;
/** OpenAI's default for text completions. */
const DEFAULT_COMPLETION_TOKENS = 16;

/** Turns requests into tasks for one model. */
export class TaskFactory {
  readonly #model: LanguageModel;
  readonly #ambient: Ambient;

  constructor(model: LanguageModel, ambient: Ambient) {
    this.#model = model;
    this.#ambient = ambient;
  }

  /**
   * The prompt of a chat.
   * @throws {ApiError} whatever makes the conversation impossible for this model
   */
  chatPrompt(request: ChatRequest): string {
    this.#checkModel(request);
    const { template } = this.#model;
    if (template === undefined) throw new ApiError("chat_unsupported", "This model has no usable chat template.");
    const tools = activeTools(request);
    if (tools.length > 0 && !template.supportsTools) {
      throw new ApiError("tools_unsupported", "This model's chat template knows no tools.", { param: "tools" });
    }
    return template.render({
      messages: request.messages.map(templateMessage),
      tools: tools.length > 0 ? tools : undefined,
      variables: request.chat_template_kwargs ?? undefined,
    });
  }

  /**
   * @throws {ApiError} whatever makes the request impossible for this model
   */
  async chat(request: ChatRequest): Promise<GenerationTask> {
    const prompt = this.chatPrompt(request);
    const tools = activeTools(request);
    const grammar = answerGrammar(answerShape(request, tools));
    const common = this.#common(request, prompt, "messages");
    const oneCall = tools.length > 0 && request.parallel_tool_calls === false;
    return {
      ...common,
      stops: oneCall ? [...common.stops, TOOL_CALL_CLOSE] : common.stops,
      maxTokens: request.max_completion_tokens ?? request.max_tokens ?? undefined,
      grammar: grammar === undefined ? undefined : await this.#model.grammarState(grammar),
      showToolMarks: tools.length > 0,
    };
  }

  /**
   * @throws {ApiError} whatever makes the request impossible for this model
   */
  completion(request: CompletionRequest): GenerationTask {
    this.#checkModel(request);
    return {
      ...this.#common(request, request.prompt, "prompt"),
      maxTokens: request.max_tokens ?? DEFAULT_COMPLETION_TOKENS,
      showToolMarks: false,
    };
  }

  #checkModel({ model }: CommonRequest): void {
    if (model == null || model === this.#model.id) return;
    throw new ApiError("model_not_found", `The model '${model}' does not exist here.`, { param: "model" });
  }

  #common(
    request: CommonRequest,
    prompt: string,
    param: string,
  ): Pick<GenerationTask, "prompt" | "sampling" | "stops" | "cacheKey"> {
    return {
      prompt: this.#tokens(prompt, param),
      sampling: this.#sampling(request),
      stops: stopList(request.stop),
      cacheKey: request.prompt_cache_key ?? undefined,
    };
  }

  #tokens(prompt: string, param: string): Token[] {
    const tokens = this.#model.tokenize(prompt);
    const room = this.#model.contextTokens;
    if (tokens.length === 0) throw new ApiError("invalid_request", "The prompt is empty.", { param });
    if (tokens.length < room) return tokens;
    throw new ApiError(
      "context_length_exceeded",
      `This model's context is ${room} tokens, and the prompt alone has ${tokens.length}.`,
      { param },
    );
  }

  #sampling(request: CommonRequest): Sampling {
    return {
      temperature: request.temperature ?? DEFAULT_TEMPERATURE,
      topP: request.top_p ?? DEFAULT_TOP_P,
      topK: request.top_k ?? DEFAULT_TOP_K,
      minP: request.min_p ?? DEFAULT_MIN_P,
      // llama.cpp's seeds have 32 bits.
      seed: request.seed == null ? this.#ambient.seed() : request.seed >>> 0,
      presencePenalty: request.presence_penalty ?? 0,
      frequencyPenalty: request.frequency_penalty ?? 0,
      repeatPenalty: request.repeat_penalty ?? 1,
    };
  }
}

/** The tools that the model may call: none if it must not, one if it must call that one. */
export function activeTools(request: ChatRequest): readonly ChatTool[] {
  const tools = request.tools ?? [];
  const choice = request.tool_choice ?? "auto";
  if (choice === "none") return [];
  if (choice === "auto") return tools;
  if (tools.length === 0) {
    throw new ApiError("invalid_request", "'tool_choice' demands a tool, and there is none.", { param: "tool_choice" });
  }
  if (choice === "required") return tools;
  const chosen = tools.filter((tool) => tool.function.name === choice.function.name);
  if (chosen.length > 0) return chosen;
  throw new ApiError("invalid_request", `There is no tool '${choice.function.name}'.`, { param: "tool_choice" });
}

/**
 * A grammar is needed where the answer must be JSON, or a call. With tools that may be called the answer is free: the
 * model decides in its own words, and calls are read out of them.
 */
function answerShape(request: ChatRequest, tools: readonly ChatTool[]): AnswerShape {
  const format = request.response_format;
  const callable = {
    tools: tools.map(({ function: { name, parameters } }) => ({ name, parameters: parameters ?? undefined })),
    parallel: request.parallel_tool_calls ?? true,
  };
  const mustCall = tools.length > 0 && (request.tool_choice ?? "auto") !== "auto";
  if (mustCall) return { calls: callable };
  const calls = tools.length > 0 ? { calls: callable } : {};
  switch (format?.type) {
    case "json_object":
      return { json: { type: "object" }, ...calls };
    case "json_schema":
      return { json: { type: "schema", schema: format.json_schema.schema }, ...calls };
    case "text":
    case undefined:
      return {};
  }
}
