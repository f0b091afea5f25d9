import type { Expectation } from "./answer.js";
import { type Pace, pacePrompt } from "./stub.js";
import { answerText, STUB_MODEL } from "./stub-answer.js";

/** Where a target takes chat requests, and what it wants to be told with each. */
export interface Endpoint {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

const OPENAI_ENDPOINT: Endpoint = { path: "/v1/chat/completions", headers: {} };

/** One kind of request and the answer it must get. */
export interface Job {
  /** The whole HTTP request, ready to be written. */
  readonly bytes: Buffer;
  readonly expected: Expectation;
}

const SYSTEM = "You are a careful assistant. Answer in one short sentence, in the language of the question.";
const QUESTION =
  "What did the kettle on the stove sing of, while the rain went on outside and the trains passed slowly under the open windows of the house at the end of the street?";

/**
 * A chat request of some 500 bytes.
 *
 * @param apiKey sent to every target alike; only Hearth looks at it
 * @param endpoint absent = as OpenAI's
 */
export function chatJob(stream: boolean, apiKey: string, endpoint?: Endpoint): Job {
  return {
    bytes: chatRequest({ stream, apiKey, question: QUESTION, endpoint }),
    expected: { stream, text: answerText(true) },
  };
}

/** A request for a paced stream whose chunks carry the time they were written at. */
export function pacedJob(pace: Pace, apiKey: string, endpoint?: Endpoint): Job {
  const bytes = chatRequest({ stream: true, apiKey, question: pacePrompt(pace), endpoint });
  return { bytes, expected: { stream: true } };
}

interface ChatRequest {
  readonly stream: boolean;
  readonly apiKey: string;
  readonly question: string;
  readonly endpoint: Endpoint | undefined;
}

function chatRequest({ stream, apiKey, question, endpoint = OPENAI_ENDPOINT }: ChatRequest): Buffer {
  const messages = [
    { role: "system", content: SYSTEM },
    { role: "user", content: question },
  ];
  const options = stream ? { stream_options: { include_usage: true } } : {};
  const body = JSON.stringify({ model: STUB_MODEL, messages, temperature: 0.7, max_tokens: 256, stream, ...options });
  const head = [
    `POST ${endpoint.path} HTTP/1.1`,
    "Host: 127.0.0.1",
    `Authorization: Bearer ${apiKey}`,
    "Content-Type: application/json",
    ...Object.entries(endpoint.headers).map(([name, value]) => `${name}: ${value}`),
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`);
}
