import { type HearthError, invalidMember } from "../platform/errors.js";
import { checkSpelling, checkTemplateArguments } from "./denied-members.js";

/** Top-level members that hold content: of chat completions, completions, embeddings, responses and messages. */
const ROOTS = ["messages", "input", "prompt", "system", "instructions", "prediction"];

/** Top-level members in which servers of their own kind take media, or might: no dialect puts anything else there. */
const MEDIA_ROOTS = [
  "image",
  "images",
  "image_url",
  "image_data",
  "video",
  "videos",
  "video_data",
  "audios",
  "audio_data",
];
/** Top-level members that hold objects, such as a voice or documents, in which an address means nothing good. */
const OTHER_ROOTS = ["audio", "documents", "files", "media", "mm_data", "multi_modal_data"];

/** What a member of a content part is. */
type Meaning =
  /** What a model reads as it stands: a text may speak of addresses. */
  | "text"
  /** A program's own value, such as the arguments of a call: no backend looks for media in it. */
  | "opaque"
  /** More content. */
  | "content"
  /** A medium, or the address of one: a string here must be a data URI. */
  | "medium"
  /** The bytes of a medium as base64. Some backends take a path or an address here as well. */
  | "bytes"
  /** Stands for what was sent before or by others: files, cached media. */
  | "reference"
  /** Tensors, which are unpickled. */
  | "tensor";

/**
 * Every member of a part that any backend or dialect gives a meaning: llama-server, vLLM, SGLang, Ollama, LM Studio,
 * mlx-lm and mlx-vlm. What is not here may hold anything but what looks like an address.
 */
const MEANINGS: ReadonlyMap<string, Meaning> = new Map(
  Object.entries({
    text: [
      ...["text", "thinking", "reasoning", "reasoning_content", "refusal", "name", "title", "context", "type", "role"],
      ...["id", "call_id", "tool_call_id", "tool_use_id", "signature", "detail", "media_type", "mime_type", "format"],
      ...["filename", "encrypted_content", "status", "phase"],
    ],
    opaque: [
      ...["arguments", "input", "tool_calls", "function_call", "function", "cache_control", "citations"],
      ...["annotations", "logprobs", "caller", "summary"],
    ],
    content: ["content", "output", "parts"],
    medium: [
      ...["image_url", "video_url", "audio_url", "file_url", "document_url", "url", "uri", "href", "src", "path"],
      ...["image", "images", "video", "videos", "audio", "audios", "input_image", "input_video", "file", "media"],
      ...["image_pil", "image_data", "audio_data", "video_data", "source", "frames"],
    ],
    bytes: ["data", "file_data", "bytes", "base64", "b64_json", "input_audio"],
    reference: ["file_id", "image_id", "uuid"],
    tensor: ["image_embeds", "audio_embeds", "video_embeds", "prompt_embeds", "input_embeds"],
  } satisfies Record<Meaning, readonly string[]>).flatMap(([meaning, names]) =>
    names.map((name): [string, Meaning] => [name, meaning as Meaning]),
  ),
);

/**
 * Refuses whatever would make a backend fetch, open or look up something: content travels inside the request. An
 * address would be asked for from its owner's network, a path opened on its owner's machine. Every part is looked at,
 * of a message, of a tool's result and below, whatever its type says: backends go by the members that are there.
 *
 * @param remoteTools what becomes of tools that run on a server of their own: a dialect that keeps them from every
 *   backend leaves them out by itself
 * @throws HearthError `invalid_request` with the place as `param`
 */
export function checkSources(
  body: Readonly<Record<string, unknown>>,
  remoteTools: "refused" | "left_out" = "refused",
): void {
  for (const root of ROOTS) {
    const value = body[root];
    if (typeof value === "object" && value !== null) checkContent(value, root, true);
  }
  for (const root of MEDIA_ROOTS) if (root in body) checkMedium(body[root], root);
  for (const root of OTHER_ROOTS) if (root in body) checkUnknown(body[root], root);
  if (remoteTools === "refused") checkTools(body["tools"]);
  checkTemplateArguments(body["chat_template_kwargs"]);
}

/** @param isTurn the entries of a list here are turns of a conversation: backends take media from their content only */
function checkContent(value: object, at: string, isTurn: boolean): void {
  if (!Array.isArray(value)) return checkPart(value, at, isTurn);
  for (let index = 0; index < value.length; index++) {
    const entry: unknown = value[index];
    if (typeof entry === "object" && entry !== null) checkContent(entry, `${at}[${index}]`, isTurn);
  }
}

const PLAIN_NAME = /^[a-z0-9_]*$/;

/** What clients note down about a turn as a whole, for themselves. */
const NOTES_OF_TURNS: ReadonlySet<string> = new Set(["audio", "url", "uri", "href", "src", "path", "file", "uuid"]);

function checkPart(part: object, at: string, isTurn: boolean): void {
  for (const name in part) {
    const value = (part as Readonly<Record<string, unknown>>)[name];
    const meaning = meaningOf(name, part);
    if (meaning === "opaque" || (meaning === "text" && typeof value === "string")) continue;
    if (!PLAIN_NAME.test(name)) checkSpelling(name, MEANINGS, `${at}.${name}`);
    if (value === null || (isTurn && NOTES_OF_TURNS.has(name))) continue;
    if (meaning === undefined && isTurn) continue;
    checkMember(value, meaning, `${at}.${name}`);
  }
}

/**
 * What Anthropic's servers have found, fetched and run, as its clients send it back: notes of where from, and what was
 * written. No backend knows parts of these types, so that none takes media from them.
 */
const NOTED: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ["web_search_result", new Set(["url"])],
  ["web_fetch_result", new Set(["url"])],
  ["code_execution_result", new Set(["stdout", "stderr"])],
  ["bash_code_execution_result", new Set(["stdout", "stderr"])],
  ["code_execution_output", new Set(["file_id"])],
  ["bash_code_execution_output", new Set(["file_id"])],
]);

/** Text may be in a member that holds bytes elsewhere, and a result of a search tells where it was found. */
function meaningOf(name: string, part: object): Meaning | undefined {
  const { type } = part as { readonly type?: unknown };
  if (name === "data" && type === "text") return "text";
  if (name === "source" && type === "search_result") return "text";
  if (typeof type === "string" && NOTED.get(type)?.has(name)) return "text";
  return MEANINGS.get(name);
}

function checkMember(value: unknown, meaning: Exclude<Meaning, "opaque"> | undefined, at: string): void {
  switch (meaning) {
    case "text":
    case "content":
      return checkBelow(value, at);
    case "medium":
      return checkMedium(value, at);
    case "bytes":
      if (typeof value !== "string") return checkMedium(value, at);
      if (!isEmbedded(value)) throw notEmbedded(at);
      return;
    case "reference":
      throw invalidMember(at, "nothing is kept that it could mean; send the content itself");
    case "tensor":
      throw invalidMember(at, "content is sent as text and media, not as tensors");
    case undefined:
      return checkUnknown(value, at);
  }
}

function checkUnknown(value: unknown, at: string): void {
  if (typeof value === "string") {
    if (looksLikeAddress(value)) throw notEmbedded(at);
  } else if (Array.isArray(value)) {
    for (const [index, each] of value.entries()) checkUnknown(each, `${at}[${index}]`);
  } else checkBelow(value, at);
}

function checkBelow(value: unknown, at: string): void {
  if (typeof value === "object" && value !== null) checkContent(value, at, false);
}

function checkMedium(value: unknown, at: string): void {
  if (typeof value === "string") {
    if (!isDataUri(value)) throw notEmbedded(at);
  } else if (Array.isArray(value)) {
    for (const [index, each] of value.entries()) checkMedium(each, `${at}[${index}]`);
  } else if (typeof value === "object" && value !== null) checkPart(value, at, false);
}

/** Tools that run elsewhere: LM Studio and vLLM would connect to the server that one names. */
function checkTools(tools: unknown): void {
  if (!Array.isArray(tools)) return;
  for (const [index, tool] of tools.entries()) {
    if (typeof tool !== "object" || tool === null) continue;
    for (const name of ["server_url", "connector_id"]) {
      if (!((tool as object) && name in tool)) continue;
      const at = `tools[${index}].${name}`;
      throw invalidMember(at, "a backend connects to nobody at a consumer's wish");
    }
  }
}

const isDataUri = (value: string): boolean => /^data:/i.test(value);

/** An address of any scheme. Prose may begin with `Note:`, so slashes are asked for. */
const hasScheme = (value: string): boolean => /^\s*(?:[a-z][a-z0-9+.-]*:\/\/|file:)/i.test(value);

/** The same, or one of the scheme at hand (`//host`). */
const looksLikeAddress = (value: string): boolean => hasScheme(value) || /^\s*\/\/[a-z0-9]/i.test(value);

/** Longer than the longest path that macOS or Linux open, characters. */
const LONGEST_PATH = 4_096;

/**
 * Base64 itself, or a data URI. What is short and begins with a slash is a path, unless it is the beginning of a JPEG;
 * what is longer than any path is none.
 */
function isEmbedded(value: string): boolean {
  if (isDataUri(value)) return true;
  if (value.length > LONGEST_PATH) return !hasScheme(value);
  return /^[A-Za-z0-9+/_=\s-]*$/.test(value) && (!value.startsWith("/") || value.startsWith("/9j/"));
}

function notEmbedded(at: string): HearthError {
  return invalidMember(at, "nothing is fetched from addresses or files; send the content itself as a data URI");
}
