import { type AssistantTurn, type ChatPart, Conversation } from "../translation/conversation.js";
import { FREEFORM_ARGUMENT } from "../translation/freeform-input.js";
import { COMPACTION_PROMPT } from "./compaction.js";
import type { AgentMessageItem, CallOutput, ContentPart, InputItem } from "./input-items.js";
import { unpackReasoning } from "./packed-reasoning.js";
import type { Input } from "./parse.js";
import type { ToolSet } from "./tools.js";

/**
 * The conversation of a body in the form of chat completions.
 *
 * @param tools by whose names the calls of the conversation go: a model must see its earlier calls as it would make them
 */
export function toConversation(instructions: string | null | undefined, input: Input, tools: ToolSet): Conversation {
  const conversation = new Conversation();
  if (instructions) conversation.system(instructions);
  if (typeof input === "string") conversation.user([{ type: "text", text: input }]);
  else for (const [index, item] of input.entries()) addItem({ conversation, tools, before: input[index - 1] }, item);
  return conversation;
}

interface Place {
  readonly conversation: Conversation;
  readonly tools: ToolSet;
  readonly before: InputItem | undefined;
}

type ItemOf<T extends InputItem["type"]> = Extract<InputItem, { type: T }>;

/** What the assistant said is one message, though it stands here as several items: its thoughts, texts and calls. */
function addItem(place: Place, item: InputItem): void {
  const { conversation } = place;
  switch (item.type) {
    case "message":
      return addMessage(place, item);
    case "agent_message":
      return conversation.user([textPart(item.content.map(toldBy).join(""))]);
    case "reasoning":
      return addThought(conversation, reasoningOf(item));
    case "compaction":
    case "compaction_summary":
    case "context_compaction":
      return addSummary(conversation, item.encrypted_content);
    case "compaction_trigger":
      return conversation.user([textPart(COMPACTION_PROMPT)]);
    case "additional_tools":
    case "web_search_call":
    case "image_generation_call":
    case "mcp_list_tools":
    case "mcp_approval_request":
    case "mcp_approval_response":
    case "configuration_update":
    case "ghost_snapshot":
    case "unread":
      return;
    case "mcp_call":
    case "code_interpreter_call":
    case "file_search_call":
      return addHostedCall(conversation, item);
    case "function_call":
    case "custom_tool_call":
    case "local_shell_call":
    case "tool_search_call":
    case "shell_call":
    case "apply_patch_call":
    case "computer_call":
    case "program":
      return addCall(place, item);
    default:
      return addOutput(place, item);
  }
}

type CallItem = ItemOf<
  | "function_call"
  | "custom_tool_call"
  | "local_shell_call"
  | "tool_search_call"
  | "shell_call"
  | "apply_patch_call"
  | "computer_call"
  | "program"
>;

function addCall({ conversation, tools }: Place, item: CallItem): void {
  const call = (id: string, name: string, args: string): void => conversation.assistant().call(id, name, args);
  switch (item.type) {
    case "function_call": {
      const { call_id: id, name, namespace } = item;
      return call(id, tools.nameOf({ kind: "function", name, namespace: namespace ?? undefined }), item.arguments);
    }
    case "custom_tool_call": {
      const { call_id: id, name, namespace } = item;
      const known = tools.nameOf({ kind: "custom", name, namespace: namespace ?? undefined });
      return call(id, known, JSON.stringify({ [FREEFORM_ARGUMENT]: item.input }));
    }
    case "local_shell_call": {
      const { type: _, ...action } = item.action;
      return call(idOf(item), tools.nameOf({ kind: "local_shell" }), written(action));
    }
    case "tool_search_call":
      if (!item.call_id) return;
      return call(item.call_id, tools.nameOf({ kind: "tool_search" }), written(item.arguments));
    case "shell_call":
      return call(item.call_id, tools.nameOf({ kind: "shell" }), written(item.action));
    case "apply_patch_call":
      return call(item.call_id, tools.nameOf({ kind: "apply_patch" }), written(item.operation));
    case "computer_call":
      return call(item.call_id, "computer", written(item.action ?? { actions: item.actions ?? [] }));
    case "program":
      return call(item.call_id, "program", written({ code: item.code }));
  }
}

type OutputItem = ItemOf<
  | "function_call_output"
  | "custom_tool_call_output"
  | "local_shell_call_output"
  | "tool_search_output"
  | "shell_call_output"
  | "apply_patch_call_output"
  | "computer_call_output"
  | "program_output"
>;

function addOutput({ conversation, tools }: Place, item: OutputItem): void {
  const add = (callId: string, output: CallOutput, isError = false): void =>
    conversation.tool({ callId, parts: partsOf(output), isError });
  switch (item.type) {
    case "function_call_output":
    case "custom_tool_call_output":
      return add(item.call_id, item.output);
    case "local_shell_call_output":
      return add(idOf(item), item.output);
    case "tool_search_output":
      if (!item.call_id) return;
      return add(item.call_id, `Tools that can be called now: ${tools.namesOf(item.tools).join(", ") || "none"}`);
    case "shell_call_output":
      return add(item.call_id, item.output.map(printed).join("\n"));
    case "apply_patch_call_output":
      return add(item.call_id, item.output ?? item.status ?? "", item.status === "failed");
    case "computer_call_output":
      return add(item.call_id, [{ type: "input_image", image_url: item.output.image_url }]);
    case "program_output":
      return add(item.call_id, item.result);
  }
}

/** What a command printed, and how it ended where that is not as it should. */
function printed({ stdout, stderr, outcome }: ItemOf<"shell_call_output">["output"][number]): string {
  const code = outcome?.exit_code ?? 0;
  const ended = outcome?.type === "timeout" ? "timed out" : code === 0 ? "" : `exit code ${code}`;
  return [stdout, stderr, ended].flatMap((text) => (text ? [text.replace(/\n$/, "")] : [])).join("\n");
}

/** What ran at OpenAI was called and returned something all the same. Without a result there is nothing to tell. */
function addHostedCall(
  conversation: Conversation,
  item: ItemOf<"mcp_call" | "code_interpreter_call" | "file_search_call">,
): void {
  const { id } = item;
  const add = (name: string, args: string, result: string, isError = false): void => {
    conversation.assistant().call(id, name, args);
    conversation.tool({ callId: id, parts: [textPart(result)], isError });
  };
  switch (item.type) {
    case "mcp_call": {
      const { error } = item;
      const failed = error !== undefined && error !== null;
      const told = typeof error === "string" ? error : JSON.stringify(error);
      const result = failed ? told : (item.output ?? "");
      return add(`${item.server_label}__${item.name}`, item.arguments, result, failed);
    }
    case "code_interpreter_call": {
      const logs = (item.outputs ?? []).flatMap((output) => (output.logs ? [output.logs] : []));
      if (logs.length === 0) return;
      return add("code_interpreter", written({ code: item.code }), logs.join("\n"));
    }
    case "file_search_call": {
      const found = (item.results ?? []).map((result) => `${result.filename ?? ""}\n${result.text ?? ""}`.trim());
      if (found.length === 0) return;
      return add("file_search", written({ queries: item.queries }), found.join("\n\n"));
    }
  }
}

/** Types of items that say something which nobody here can read, because somebody else has encrypted it. */
export function unreadableTypes(input: Input): readonly string[] {
  return typeof input === "string" ? [] : input.filter(isUnreadable).map(nameOfType);
}

const nameOfType = (item: InputItem): string => (item.type === "unread" ? (item.name ?? item.type) : item.type);

function isUnreadable(item: InputItem): boolean {
  switch (item.type) {
    case "compaction":
    case "compaction_summary":
    case "context_compaction":
      return unpackReasoning(item.encrypted_content) === "";
    case "agent_message":
      return item.content.some((part) => part.type === "encrypted_content" && isOpenAiToken(part.encrypted_content));
    case "configuration_update":
    case "unread":
      return true;
    case "reasoning":
      return Boolean(item.encrypted_content) && reasoningOf(item) === "";
    default:
      return false;
  }
}

/** OpenAI encrypts what its models write for other agents (Fernet, version 0x80); a model here wrote it in the open. */
const isOpenAiToken = (text: string): boolean => /^gAAAA[\w-]{40,}=*$/.test(text);

function toldBy(part: AgentMessageItem["content"][number]): string {
  if (part.type === "input_text") return part.text;
  return isOpenAiToken(part.encrypted_content) ? "" : part.encrypted_content;
}

/** What went before, in the words that this coordinator packed; what somebody else encrypted cannot be read. */
function addSummary(conversation: Conversation, packed: string | null | undefined): void {
  const summary = unpackReasoning(packed);
  if (summary !== "") conversation.user([textPart(`Summary of the conversation so far:\n\n${summary}`)]);
}

function addMessage({ conversation, before }: Place, { role, content }: ItemOf<"message">): void {
  const parts = partsOf(content);
  switch (role) {
    case "user":
      return conversation.user(parts);
    case "system":
    case "developer":
      return conversation.system(textOf(parts, "\n\n"));
    case "assistant": {
      // Two messages on end are two: only what stands between calls belongs together.
      const isNext = before?.type === "message" && before.role === "assistant";
      const turn =
        isNext && !conversation.assistant().hasCalls ? conversation.newAssistant() : conversation.assistant();
      return turn.text(textOf(parts, ""));
    }
  }
}

/** Without a word of it there is nothing to tell, and no turn of the assistant's. */
function addThought(conversation: Conversation, thought: string): void {
  if (thought !== "") nextThought(conversation.assistant(), conversation).reasoning(thought);
}

function nextThought(turn: AssistantTurn, conversation: Conversation): AssistantTurn {
  return turn.hasText && !turn.hasCalls ? conversation.newAssistant() : turn;
}

/** The thoughts themselves, or their summary, or what this coordinator put into `encrypted_content`. */
function reasoningOf({ content, summary, encrypted_content }: ItemOf<"reasoning">): string {
  const texts = content && content.length > 0 ? content : (summary ?? []);
  const open = texts.map(({ text }) => text).join("\n\n");
  return open !== "" ? open : unpackReasoning(encrypted_content);
}

function partsOf(content: string | readonly ContentPart[] | CallOutput): ChatPart[] {
  return typeof content === "string" ? [textPart(content)] : content.map(toChatPart);
}

function toChatPart(part: ContentPart): ChatPart {
  switch (part.type) {
    case "input_text":
    case "output_text":
      return textPart(part.text);
    case "refusal":
      return textPart(part.refusal);
    case "input_image": {
      const { image_url: url, detail } = part;
      return { type: "image_url", image_url: { url, ...(detail ? { detail } : {}) } };
    }
    case "input_audio":
      return { type: "input_audio", input_audio: part.input_audio };
    case "input_file":
      return part.file_data;
  }
}

const textPart = (text: string): ChatPart => ({ type: "text", text });

function textOf(parts: readonly ChatPart[], separator: string): string {
  return parts.flatMap((part) => (part.type === "text" ? [part.text] : [])).join(separator);
}

/** Arguments as a model would have written them: without what is not there. */
function written(args: unknown): string {
  if (typeof args === "string") return args;
  return JSON.stringify(args ?? {}, (_, value: unknown) => value ?? undefined);
}

const idOf = ({
  call_id: callId,
  id,
}: {
  call_id?: string | null | undefined;
  id?: string | null | undefined;
}): string => callId ?? id ?? "";
