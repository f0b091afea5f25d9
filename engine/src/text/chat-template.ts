import { Template } from "@huggingface/jinja";
import { ApiError } from "../api/api-error.js";
import { TOOL_CALL_OPEN } from "./tool-call-parser.js";

/** A message in the form that chat templates expect: content is text, and arguments of calls are objects. */
export interface TemplateMessage {
  readonly role: string;
  readonly content: string;
  readonly name?: string;
  readonly tool_call_id?: string;
  readonly tool_calls?: readonly {
    readonly id: string;
    readonly type: "function";
    readonly function: { readonly name: string; readonly arguments: unknown };
  }[];
}

export interface TemplateInput {
  readonly messages: readonly TemplateMessage[];
  /** As the request had them. */
  readonly tools?: readonly unknown[] | undefined;
  /** More variables, such as `enable_thinking`. */
  readonly variables?: Readonly<Record<string, unknown>> | undefined;
}

const PROBE_MESSAGE: TemplateMessage = { role: "user", content: "Hello" };
const PROBE_TOOL = {
  type: "function",
  function: { name: "hearth_probe", description: "", parameters: { type: "object", properties: {} } },
};

/** A template that some models have for tools in XML, which is marked alike and is not read back here. */
const XML_CALL = "<function=";

export interface TemplateSource {
  readonly source: string;
  readonly bosToken: string;
  readonly eosToken: string;
}

/** A model's own chat template, which writes messages in the form that the model was trained on. */
export class ChatTemplate {
  /** The template shows tools to the model, and asks for calls in the form that ToolCallParser reads. */
  readonly supportsTools: boolean;
  readonly #template: Template;
  readonly #tokens: { readonly bos_token: string; readonly eos_token: string };
  /** What the template takes for "no tools": some loop over them without asking whether there are any. */
  readonly #noTools: readonly [] | undefined;

  private constructor(parts: TemplateSource, noTools: readonly [] | undefined) {
    this.#template = new Template(parts.source);
    this.#tokens = { bos_token: parts.bosToken, eos_token: parts.eosToken };
    this.#noTools = noTools;
    this.render({ messages: [PROBE_MESSAGE] });
    const calls = parts.source.includes(TOOL_CALL_OPEN) && !parts.source.includes(XML_CALL);
    this.supportsTools = calls && this.#showsTools();
  }

  /** Nothing if the template is not one, or cannot write the simplest of chats. */
  static parse(parts: TemplateSource): ChatTemplate | undefined {
    for (const noTools of [undefined, [] as const]) {
      try {
        return new ChatTemplate(parts, noTools);
      } catch {
        // The next form is tried; a model whose template takes neither answers text completions only.
      }
    }
    return undefined;
  }

  /**
   * The prompt, up to where the assistant's answer begins.
   * @throws {ApiError} `template_failed`: many templates refuse what their model has not learnt, such as two messages
   * of one role in a row
   */
  render(input: TemplateInput): string {
    try {
      return this.#template.render({
        ...input.variables,
        ...this.#tokens,
        messages: input.messages,
        ...noneIfUndefined(input.tools ?? this.#noTools),
        add_generation_prompt: true,
      });
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new ApiError("template_failed", `The model's chat template refused these messages: ${reason}`, {
        param: "messages",
        cause,
      });
    }
  }

  #showsTools(): boolean {
    try {
      const prompt = this.render({ messages: [PROBE_MESSAGE], tools: [PROBE_TOOL] });
      return prompt.includes(PROBE_TOOL.function.name);
    } catch {
      return false;
    }
  }
}

/** Templates ask whether `tools` is defined, so it must not be there at all. */
function noneIfUndefined(tools: readonly unknown[] | undefined): { tools?: readonly unknown[] } {
  return tools === undefined ? {} : { tools };
}
