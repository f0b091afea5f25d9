import { z } from "zod";
import { checkBody } from "../check-body.js";
import { stopAtFirst } from "../json-body.js";
import { serverBlock } from "./server-blocks.js";

const text = z.looseObject({ type: z.literal("text"), text: z.string() });

const image = z.looseObject({
  type: z.literal("image"),
  source: z.discriminatedUnion(
    "type",
    [
      z.looseObject({
        type: z.literal("base64"),
        media_type: z.string().regex(/^image\/[\w.+-]+$/, "expected an image type, such as image/png"),
        data: z.string().min(1),
      }),
      z.looseObject({ type: z.literal("url"), url: z.string() }),
    ],
    { error: "images are taken as 'base64' only" },
  ),
});

/** Plain text, or a PDF with text in it, which is read before the model is asked. */
const document = z.looseObject({
  type: z.literal("document"),
  title: z.string().nullish(),
  context: z.string().nullish(),
  source: z.discriminatedUnion(
    "type",
    [
      z.looseObject({ type: z.literal("text"), data: z.string() }),
      z.looseObject({
        type: z.literal("base64"),
        media_type: z.literal("application/pdf", "the only binary documents that are read are application/pdf"),
        data: z.string().min(1),
      }),
      z.looseObject({
        type: z.literal("content"),
        content: z.union([z.string(), stopAtFirst(z.array(z.discriminatedUnion("type", [text, image])))]),
      }),
    ],
    { error: "documents are taken as 'text', 'content' or 'base64' only" },
  ),
});

const searchResult = z.looseObject({
  type: z.literal("search_result"),
  title: z.string(),
  source: z.string(),
  content: stopAtFirst(z.array(text)),
});

const UNSUPPORTED_BLOCK = { error: "this type of content block is not supported" };

/** A tool that a search for tools has found: it is in the request. */
const toolReference = z.looseObject({ type: z.literal("tool_reference"), tool_name: z.string() });

const toolResult = z.looseObject({
  type: z.literal("tool_result"),
  tool_use_id: z.string().min(1),
  content: z
    .union([
      z.string(),
      stopAtFirst(
        z.array(z.discriminatedUnion("type", [text, image, document, searchResult, toolReference], UNSUPPORTED_BLOCK)),
      ),
    ])
    .nullish(),
  is_error: z.boolean().nullish(),
});

const toolUse = z.looseObject({
  type: z.literal("tool_use"),
  id: z.string().min(1),
  name: z.string().min(1),
  /** Some clients send none, or its text, for a call that took nothing or broke off. */
  input: z.union([z.looseObject({}), z.string()]).nullish(),
});

const thinking = z.looseObject({
  type: z.literal("thinking"),
  thinking: z.string(),
  signature: z.string().nullish(),
});

const redactedThinking = z.looseObject({ type: z.literal("redacted_thinking") });

const userBlock = z.discriminatedUnion("type", [text, image, document, searchResult, toolResult], UNSUPPORTED_BLOCK);
const assistantBlock = z.discriminatedUnion(
  "type",
  [text, thinking, redactedThinking, toolUse, serverBlock],
  UNSUPPORTED_BLOCK,
);

const contentOf = <T extends z.ZodType>(block: T) => z.union([z.string(), stopAtFirst(z.array(block))]);

const message = z.discriminatedUnion(
  "role",
  [
    z.looseObject({ role: z.literal("user"), content: contentOf(userBlock) }),
    z.looseObject({ role: z.literal("assistant"), content: contentOf(assistantBlock) }),
    z.looseObject({ role: z.literal("system"), content: contentOf(text) }),
  ],
  { error: "expected one of 'user', 'assistant', 'system'" },
);

const toolName = z.string().min(1).max(128);

const customTool = z.looseObject({
  type: z.literal("custom").nullish(),
  name: toolName,
  description: z.string().nullish(),
  input_schema: z.looseObject({}),
  strict: z.boolean().nullish(),
});

/** A tool of Anthropic's own, which its type describes. Sets of tools have no name. */
const typedTool = z.looseObject({ type: z.string().refine((type) => type !== "custom"), name: toolName.nullish() });

const tool = z.union([customTool, typedTool]);

const toolChoice = z.discriminatedUnion(
  "type",
  [
    z.looseObject({ type: z.literal("auto"), disable_parallel_tool_use: z.boolean().nullish() }),
    z.looseObject({ type: z.literal("any"), disable_parallel_tool_use: z.boolean().nullish() }),
    z.looseObject({
      type: z.literal("tool"),
      name: z.string().min(1),
      disable_parallel_tool_use: z.boolean().nullish(),
    }),
    z.looseObject({ type: z.literal("none") }),
  ],
  { error: "expected one of 'auto', 'any', 'tool', 'none'" },
);

const format = z.looseObject({ type: z.literal("json_schema"), schema: z.looseObject({}) });

/** What counting takes, and what asking takes beside the bound. */
const prompt = {
  model: z.string().min(1).max(128).meta({ description: "Id of a model that `GET /v1/models` lists." }),
  messages: stopAtFirst(z.array(message).min(1)),
  system: contentOf(text).nullish(),
  tools: stopAtFirst(z.array(tool))
    .nullish()
    .meta({
      description:
        "Anthropic's own tools that the client runs (bash, text_editor, memory, computer) are offered as functions; those " +
        "of its servers are left out, which `X-Hearth-Ignored` says.",
    }),
  tool_choice: toolChoice.nullish(),
  thinking: z
    .looseObject({ type: z.string(), display: z.string().nullish(), budget_tokens: z.int().min(1).nullish() })
    .nullish()
    .meta({
      description:
        "Reaches the model in the form that its backend and its chat template know, as the effort does; models that cannot " +
        "help thinking think. `disabled` keeps their thoughts out.",
    }),
  chat_template_kwargs: z.looseObject({}).nullish().meta({ description: "Variables of the model's chat template." }),
  output_config: z.looseObject({ format: format.nullish(), effort: z.string().nullish() }).nullish(),
  output_format: format.nullish().meta({ description: "The older name of `output_config.format`." }),
  mcp_servers: z.array(z.unknown()).max(0, "servers of tools are not supported").nullish(),
};

export const createMessageSchema = z
  .looseObject({
    ...prompt,
    max_tokens: z.int().min(1),
    stream: z.boolean().nullish(),
    stop_sequences: stopAtFirst(z.array(z.string().min(1)).max(16)).nullish(),
    temperature: z.number().min(0).max(2).nullish(),
    top_p: z.number().min(0).max(1).nullish(),
    top_k: z.int().min(0).nullish(),
    thread: z
      .null("conversations are not kept here: send the whole one, without a thread")
      .optional()
      .meta({ description: "Refused in the form that makes Anthropic's SDK send the whole conversation." }),
  })
  .meta({ id: "CreateMessageRequest" });

export const countTokensSchema = z.looseObject(prompt).meta({
  id: "CountTokensRequest",
  description: "The answer is an estimate: the coordinator has no model's tokenizer.",
});

export type CreateMessageBody = z.infer<typeof createMessageSchema>;
export type CountTokensBody = z.infer<typeof countTokensSchema>;
export type CustomTool = z.infer<typeof customTool>;
export type Tool = z.infer<typeof tool>;
export type Message = CountTokensBody["messages"][number];
export type UserBlock = z.infer<typeof userBlock>;
export type AssistantBlock = z.infer<typeof assistantBlock>;
export type DocumentBlock = z.infer<typeof document>;
export type ToolReferenceBlock = z.infer<typeof toolReference>;
export type ToolResultBlock = z.infer<typeof toolResult>;

/** @throws HearthError `invalid_request` with the path of the first offending member as `param` */
export const parseCreateMessage = (value: unknown): CreateMessageBody => checkBody(createMessageSchema, value);

/** @throws HearthError `invalid_request` with the path of the first offending member as `param` */
export const parseCountTokens = (value: unknown): CountTokensBody => checkBody(countTokensSchema, value);
