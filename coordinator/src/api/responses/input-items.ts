import { z } from "zod";
import { FILE_DATA_ONLY } from "../documents/file-parts.js";
import { stopAtFirst } from "../json-body.js";
import { tool } from "./tool-schemas.js";

const inputText = z.looseObject({ type: z.literal("input_text"), text: z.string() });
const outputText = z.looseObject({ type: z.literal("output_text"), text: z.string() });
const refusal = z.looseObject({ type: z.literal("refusal"), refusal: z.string() });
const inputImage = z.looseObject({
  type: z.literal("input_image"),
  image_url: z.string("images are taken as data URIs only: there are no files to refer to"),
  detail: z.string().nullish(),
});
const inputAudio = z.looseObject({ type: z.literal("input_audio"), input_audio: z.looseObject({}) });
/** By the time that a body is read, its text has taken the place of each file that is in it. */
const inputFile = z.looseObject({ type: z.literal("input_file"), file_data: z.never(FILE_DATA_ONLY) });

const UNSUPPORTED_PART = { error: "this type of content is not supported" };

const part = z.discriminatedUnion(
  "type",
  [inputText, outputText, refusal, inputImage, inputAudio, inputFile],
  UNSUPPORTED_PART,
);

const messageMembers = {
  role: z.enum(["user", "assistant", "system", "developer"]),
  content: z.union([z.string(), stopAtFirst(z.array(part))]),
};
const message = z.looseObject({ type: z.literal("message"), ...messageMembers });
/** Messages may leave their type out. They are given it before the schema sees them. */
export const untypedMessage = z.looseObject({ type: z.null().optional(), ...messageMembers });

const callId = z.string().min(1);
/** Of calls that a client runs and that some clients know by their item's id only. */
const idOrCallId = { id: z.string().min(1).nullish(), call_id: callId.nullish() };

const output = z.union([
  z.string(),
  stopAtFirst(z.array(z.discriminatedUnion("type", [inputText, inputImage, outputText, inputFile], UNSUPPORTED_PART))),
]);

const functionCall = z.looseObject({
  type: z.literal("function_call"),
  call_id: callId,
  name: z.string().min(1),
  namespace: z.string().nullish(),
  arguments: z.string(),
});
const functionCallOutput = z.looseObject({ type: z.literal("function_call_output"), call_id: callId, output });

const customCall = z.looseObject({
  type: z.literal("custom_tool_call"),
  call_id: callId,
  name: z.string().min(1),
  namespace: z.string().nullish(),
  input: z.string(),
});
const customCallOutput = z.looseObject({ type: z.literal("custom_tool_call_output"), call_id: callId, output });

const localShellCall = z.looseObject({
  type: z.literal("local_shell_call"),
  ...idOrCallId,
  action: z.looseObject({ command: z.array(z.string()) }),
});
const localShellCallOutput = z.looseObject({
  type: z.literal("local_shell_call_output"),
  ...idOrCallId,
  output: z.string(),
});

/** Without a `call_id` the search ran at OpenAI, and only what it found counts. */
const toolSearchCall = z.looseObject({
  type: z.literal("tool_search_call"),
  call_id: callId.nullish(),
  arguments: z.unknown(),
});
const toolSearchOutput = z.looseObject({
  type: z.literal("tool_search_output"),
  call_id: callId.nullish(),
  tools: stopAtFirst(z.array(tool)),
});
const additionalTools = z.looseObject({ type: z.literal("additional_tools"), tools: stopAtFirst(z.array(tool)) });

const shellCall = z.looseObject({
  type: z.literal("shell_call"),
  call_id: callId,
  action: z.looseObject({ commands: z.array(z.string()) }),
});
const shellCallOutput = z.looseObject({
  type: z.literal("shell_call_output"),
  call_id: callId,
  output: z.array(
    z.looseObject({
      stdout: z.string().nullish(),
      stderr: z.string().nullish(),
      outcome: z.looseObject({ type: z.string(), exit_code: z.number().nullish() }).nullish(),
    }),
  ),
});
const applyPatchCall = z.looseObject({
  type: z.literal("apply_patch_call"),
  call_id: callId,
  operation: z.looseObject({ type: z.string() }),
});
const applyPatchCallOutput = z.looseObject({
  type: z.literal("apply_patch_call_output"),
  call_id: callId,
  status: z.string().nullish(),
  output: z.string().nullish(),
});

/** One action, or several at once. */
const computerCall = z.looseObject({
  type: z.literal("computer_call"),
  call_id: callId,
  action: z.looseObject({ type: z.string() }).nullish(),
  actions: stopAtFirst(z.array(z.looseObject({ type: z.string() }))).nullish(),
});
const computerCallOutput = z.looseObject({
  type: z.literal("computer_call_output"),
  call_id: callId,
  output: z.looseObject({ image_url: inputImage.shape.image_url }),
});
/** A program by which a model called tools. */
const program = z.looseObject({ type: z.literal("program"), call_id: callId, code: z.string() });
const programOutput = z.looseObject({ type: z.literal("program_output"), call_id: callId, result: z.string() });

/** Calls of tools that ran at OpenAI, with what they found. */
const mcpCall = z.looseObject({
  type: z.literal("mcp_call"),
  id: callId,
  server_label: z.string(),
  name: z.string().min(1),
  arguments: z.string(),
  output: z.string().nullish(),
  error: z.unknown(),
});
const codeInterpreterCall = z.looseObject({
  type: z.literal("code_interpreter_call"),
  id: callId,
  code: z.string().nullish(),
  outputs: z.array(z.looseObject({ type: z.string(), logs: z.string().nullish() })).nullish(),
});
const fileSearchCall = z.looseObject({
  type: z.literal("file_search_call"),
  id: callId,
  queries: z.array(z.string()).nullish(),
  results: z.array(z.looseObject({ filename: z.string().nullish(), text: z.string().nullish() })).nullish(),
});

/** What one of several agents says to another. What its model wrote for it comes back as if it were encrypted. */
const agentMessage = z.looseObject({
  type: z.literal("agent_message"),
  content: stopAtFirst(
    z.array(
      z.discriminatedUnion(
        "type",
        [inputText, z.looseObject({ type: z.literal("encrypted_content"), encrypted_content: z.string() })],
        UNSUPPORTED_PART,
      ),
    ),
  ),
});

/** What tells a model nothing: notes of what was done elsewhere, without what came of it. */
const note = z.looseObject({
  type: z.enum([
    "web_search_call",
    "image_generation_call",
    "mcp_list_tools",
    "mcp_approval_request",
    "mcp_approval_response",
    "configuration_update",
    "ghost_snapshot",
  ]),
});

/** What has a type that nobody here knows stands as this. */
const unread = z
  .looseObject({ type: z.literal("unread"), name: z.string().nullish() })
  .meta({ description: "Items of types that are not known are left out, and named in `X-Hearth-Ignored`." });

const texts = stopAtFirst(z.array(z.looseObject({ text: z.string() })));

const reasoning = z.looseObject({
  type: z.literal("reasoning"),
  summary: texts.nullish(),
  content: texts.nullish(),
  encrypted_content: z.string().nullish(),
});

/** Codex has had three names for it. */
const compaction = z.looseObject({
  type: z.enum(["compaction", "compaction_summary", "context_compaction"]),
  encrypted_content: z.string().nullish(),
});

/** The last item of a request for a short form of the conversation. */
const compactionTrigger = z.looseObject({ type: z.literal("compaction_trigger") });

const calls = [
  functionCall,
  customCall,
  localShellCall,
  toolSearchCall,
  shellCall,
  applyPatchCall,
  computerCall,
  program,
] as const;
const outputs = [
  functionCallOutput,
  customCallOutput,
  localShellCallOutput,
  toolSearchOutput,
  shellCallOutput,
  applyPatchCallOutput,
  computerCallOutput,
  programOutput,
] as const;
const hostedCalls = [mcpCall, codeInterpreterCall, fileSearchCall] as const;

/** One item of the input: what was said, thought, called and returned so far. */
export const item = z.discriminatedUnion(
  "type",
  [
    message,
    agentMessage,
    reasoning,
    compaction,
    compactionTrigger,
    additionalTools,
    ...calls,
    ...outputs,
    ...hostedCalls,
    note,
    unread,
  ],
  { error: "this type of item is not supported" },
);

/** The types of items that are read. */
export const ITEM_TYPES: ReadonlySet<unknown> = item._zod.propValues["type"] ?? new Set();

export type InputItem = z.infer<typeof item>;
export type AgentMessageItem = z.infer<typeof agentMessage>;
export type ContentPart = z.infer<typeof part>;
export type CallOutput = z.infer<typeof output>;
