import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { stamp } from "./stamp.js";
import {
  contentEvent,
  DONE_EVENT,
  FINISH_EVENT,
  plainAnswer,
  ROLE_EVENT,
  STUB_MODEL,
  streamWrites,
  USAGE_EVENT,
} from "./stub-answer.js";

/** Requests the stub says it serves at once: more than any scenario asks for. */
export const STUB_SLOTS = 1024;

/** A prompt that asks the stub for a paced stream. */
export interface Pace {
  readonly chunks: number;
  readonly perSecond: number;
}

/** The user message that asks for `pace`: text is all that is sure to reach the stub through every target. */
export function pacePrompt(pace: Pace): string {
  return `paced ${pace.chunks} chunks at ${pace.perSecond}/s`;
}

interface ChatBody {
  readonly stream?: boolean;
  readonly stream_options?: { readonly include_usage?: boolean };
  readonly messages?: readonly { readonly content?: unknown }[];
}

const PLAIN = Buffer.from(plainAnswer());
const WRITES = { with: streamWrites(true), without: streamWrites(false) };

/** An OpenAI-compatible upstream that answers at once: what remains is the cost of what stands before it. */
export function createStub(): Server {
  const server = createServer((request, response) => {
    if (request.method === "GET") return answerGet(request, response);
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      if (request.url === "/v1/chat/completions") answerChat(Buffer.concat(parts), response);
      else refuse(response, 404, "no such path");
    });
  });
  // A connection that rests between two measurements must not be closed under the one who uses it next.
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  return server;
}

function answerGet(request: IncomingMessage, response: ServerResponse): void {
  const answer = GET_ANSWERS[request.url ?? ""];
  if (answer === undefined) return refuse(response, 404, "no such path");
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify(answer));
}

function refuse(response: ServerResponse, code: number, message: string): void {
  response.writeHead(code, { "content-type": "application/json" });
  response.end(JSON.stringify({ error: { message, code } }));
}

/** What an agent asks llama-server for. */
const GET_ANSWERS: Readonly<Record<string, object>> = {
  "/health": { status: "ok" },
  "/props": { total_slots: STUB_SLOTS, default_generation_settings: { n_ctx: 32_768 }, model_path: STUB_MODEL },
  "/v1/models": { object: "list", data: [{ id: STUB_MODEL, object: "model", created: 0, owned_by: "llamacpp" }] },
};

function answerChat(raw: Buffer, response: ServerResponse): void {
  let body: ChatBody;
  try {
    body = JSON.parse(raw.toString()) as ChatBody;
  } catch {
    return refuse(response, 400, "not JSON");
  }
  if (body.messages === undefined) return refuse(response, 400, "no messages");
  if (body.stream !== true) {
    response.writeHead(200, { "content-type": "application/json", "content-length": PLAIN.length });
    response.end(PLAIN);
    return;
  }
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  const includeUsage = body.stream_options?.include_usage === true;
  const pace = readPace(body);
  if (pace !== undefined) return writePaced(response, pace, includeUsage);
  for (const write of includeUsage ? WRITES.with : WRITES.without) response.write(write);
  response.end();
}

function readPace(body: ChatBody): Pace | undefined {
  const content = body.messages?.at(-1)?.content;
  const match = typeof content === "string" ? /^paced (\d+) chunks at (\d+)\/s$/.exec(content) : null;
  return match === null ? undefined : { chunks: Number(match[1]), perSecond: Number(match[2]) };
}

/** Writes each chunk at its time after the start, so that lateness of one does not move the next. */
function writePaced(response: ServerResponse, pace: Pace, includeUsage: boolean): void {
  const start = performance.now();
  let written = 0;
  let timer: NodeJS.Timeout;
  const next = (): void => {
    if (written === pace.chunks) {
      response.end(FINISH_EVENT + (includeUsage ? USAGE_EVENT : "") + DONE_EVENT);
      return;
    }
    response.write(contentEvent(stamp()));
    written += 1;
    timer = setTimeout(next, start + (written * 1000) / pace.perSecond - performance.now());
  };
  response.on("close", () => clearTimeout(timer));
  response.write(ROLE_EVENT);
  timer = setTimeout(next, 1000 / pace.perSecond);
}
