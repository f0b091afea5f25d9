// The stub's answers: chunks of `chat.completion.chunk` as servers of this API send them, and the plain form.

/** Data events of a stream before `[DONE]`, whether or not one of them is the usage. */
export const STREAM_CHUNKS = 20;

/** The model the stub claims to be. */
export const STUB_MODEL = "stub";

const WORDS = [
  "The",
  " kettle",
  " stood",
  " on",
  " the",
  " stove",
  " and",
  " sang",
  " of",
  " rain",
  ",",
  " of",
  " slow",
  " trains",
  " and",
  " open",
  " windows",
  " tonight",
];

const ENVELOPE = { id: "chatcmpl-stub", created: 1_700_000_000, model: STUB_MODEL };
const USAGE = { prompt_tokens: 64, completion_tokens: 17, total_tokens: 81 };

/** The end of every stream. */
export const DONE_EVENT = "data: [DONE]\n\n";

/** The role chunk that comes before any content. */
export const ROLE_EVENT: string = event([{ index: 0, delta: { role: "assistant", content: "" }, finish_reason: null }]);

/** The chunk that says why the stream ends. */
export const FINISH_EVENT: string = event([{ index: 0, delta: {}, finish_reason: "stop" }]);

/** The chunk that `stream_options.include_usage` asks for. */
export const USAGE_EVENT: string = event([], USAGE);

/** One delta of text. */
export function contentEvent(text: string): string {
  return event([{ index: 0, delta: { content: text }, finish_reason: null }]);
}

/** The text of a stream: without a usage chunk, one more word keeps the number of chunks. */
export function answerText(includeUsage: boolean): string {
  return words(includeUsage).join("");
}

/** The writes of one stream, one a chunk; `[DONE]` travels with the last. */
export function streamWrites(includeUsage: boolean): readonly string[] {
  const chunks = [ROLE_EVENT, ...words(includeUsage).map(contentEvent), FINISH_EVENT];
  if (includeUsage) chunks.push(USAGE_EVENT);
  return [...chunks.slice(0, -1), `${chunks.at(-1)}${DONE_EVENT}`];
}

/** The body of an answer that is not streamed. */
export function plainAnswer(): string {
  const message = { role: "assistant", content: answerText(true) };
  const choices = [{ index: 0, message, finish_reason: "stop" }];
  return JSON.stringify({ ...ENVELOPE, object: "chat.completion", choices, usage: USAGE });
}

function words(includeUsage: boolean): readonly string[] {
  return WORDS.slice(0, STREAM_CHUNKS - (includeUsage ? 3 : 2));
}

function event(choices: readonly object[], usage?: object): string {
  const chunk = { ...ENVELOPE, object: "chat.completion.chunk", choices, ...(usage === undefined ? {} : { usage }) };
  return `data: ${JSON.stringify(chunk)}\n\n`;
}
