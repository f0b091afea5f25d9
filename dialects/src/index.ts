export { believable, openAiUsage } from "./believable-usage.js";
export { ChatAccumulator } from "./chat-completions/accumulate.js";
export { type ChunkFacts, type ChunkReader, ChunkRepair } from "./chat-completions/chunk-repair.js";
export { plainChoice } from "./chat-completions/plain-choice.js";
export {
  type ChatChunk,
  type ChatChunkChoice,
  type ChatDelta,
  type ChatUsage,
  readChatEvent,
  type ToolCallDelta,
} from "./chat-completions/read-event.js";
export { TextAccumulator } from "./completions/accumulate.js";
export { type TextLogprobs, toTextLogprobs } from "./completions/logprobs.js";
export { readCompletionEvent, type TextChoice, type TextChunk } from "./completions/read-event.js";
export { EarlyChunks } from "./early-chunks.js";
export { type BackendEmbedding, type BackendEmbeddings, readEmbeddings } from "./embeddings/read-body.js";
export { errorInBody } from "./error-forms.js";
export { statusOfError } from "./error-status.js";
export { TokenTally } from "./estimated-tokens.js";
export { type EventDialectName, type EventGrammar, grammarOf } from "./event-reading.js";
export { type JsonBounds, MAX_TOP_LEVEL_MEMBERS } from "./json/json-bounds.js";
export {
  type JsonMember,
  type JsonObjectText,
  type MembersResult,
  memberSteps,
  readMembers,
} from "./json/json-members.js";
export { type JsonArray, type JsonNode, type JsonObject, readNode } from "./json/json-nodes.js";
export { MAX_JSON_DEPTH, type Splice, splice } from "./json/json-text.js";
export { type MemberEdits, memberSplices } from "./json/member-splices.js";
export { nestedSplices } from "./json/nested-splices.js";
export type { SchemaLimit } from "./json/schema-repair.js";
export { repairTools } from "./json/tool-schema.js";
export { type EventReading, isEndMark } from "./kinds.js";
export { MessageFold } from "./messages/fold.js";
export { readMessagesEvent } from "./messages/read-event.js";
export { type NamedEvent, parseNamedEvent } from "./named-events.js";
export { saysOverflow } from "./overflow-words.js";
export { plainUsage } from "./plain-usage.js";
export { hasMoved, type PromptProgress, progressInComment, progressInEvent } from "./prompt-progress.js";
export { isObject, MAX_ANSWER_DEPTH, parseProviderJson } from "./provider-json.js";
export { RawJson, writeJson } from "./raw-json.js";
export { readResponsesEvent } from "./responses/read-event.js";
export { EventJoiner } from "./sse/event-joiner.js";
export { readEvents, type SseEvent, withoutByteOrderMark } from "./sse/sse-events.js";
export { EventTooLarge, type LastEvents, type SplitterLimits, SseSplitter } from "./sse/sse-splitter.js";
export { stopReasonOf } from "./stop-reason.js";
export { textTokens } from "./text-tokens.js";
export { type PartialUsage, readUsage, type TokenUsage, usageInBody } from "./token-usage.js";
export { unfoldWhole } from "./unfold.js";
export { createWholeFold, readWhole, type WholeFacts, type WholeFold } from "./whole.js";
