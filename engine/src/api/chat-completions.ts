import type { Exchange } from "../http/exchange.js";
import { cancelled } from "./api-error.js";
import { type ChatEvent, chatAnswer } from "./chat-answer.js";
import { type ChatRequest, chatRequestSchema } from "./chat-request.js";
import {
  type AnswerIdentity,
  type ChatChunk,
  type ChatCompletion,
  type ChatDelta,
  type ChatFinish,
  type ChoiceEnd,
  choiceEnd,
  type WireToolCall,
  wireUsage,
} from "./chat-response.js";
import { parseRequest } from "./common-request.js";
import type { EngineService } from "./engine-service.js";
import { activeTools } from "./generation-task.js";

/** POST /v1/chat/completions */
export async function chatCompletions(service: EngineService, exchange: Exchange): Promise<void> {
  const request = parseRequest(chatRequestSchema, await exchange.readJson());
  const task = await service.tasks.chat(request);
  using lease = await service.admit(task, exchange.signal);
  const identity = service.identity("chatcmpl-");
  const tools = activeTools(request).length > 0;
  const events = chatAnswer(service.generator.run(task, lease.slot, exchange.signal), { tools });
  const newCallId = (): string => service.ambient.id("call_");
  if (request.stream === true) await streamAnswer(exchange, new ChunkWriter(identity, request, newCallId), events);
  else await exchange.sendJson(200, await wholeAnswer(events, identity, newCallId));
}

/** POST /apply-template, as llama-server has it: a chat up to its prompt. */
export async function applyTemplate(service: EngineService, exchange: Exchange): Promise<void> {
  const request = parseRequest(chatRequestSchema, await exchange.readJson());
  await exchange.sendJson(200, { prompt: service.tasks.chatPrompt(request) });
}

async function streamAnswer(exchange: Exchange, writer: ChunkWriter, events: AsyncIterable<ChatEvent>): Promise<void> {
  const stream = exchange.startEvents();
  await stream.send(writer.role());
  for await (const event of events) {
    for (const chunk of writer.chunks(event)) await stream.send(chunk);
  }
  await stream.done();
}

/** Writes the chunks of one streamed answer. */
class ChunkWriter {
  readonly #head: AnswerIdentity & { readonly object: "chat.completion.chunk" };
  readonly #withUsage: boolean;
  readonly #newCallId: () => string;

  constructor(identity: AnswerIdentity, request: ChatRequest, newCallId: () => string) {
    this.#head = { id: identity.id, object: "chat.completion.chunk", created: identity.created, model: identity.model };
    this.#withUsage = request.stream_options?.include_usage === true;
    this.#newCallId = newCallId;
  }

  role(): ChatChunk {
    return this.#chunk({ role: "assistant", content: "" });
  }

  chunks(event: ChatEvent): ChatChunk[] {
    switch (event.type) {
      case "text":
        return [this.#chunk({ content: event.text })];
      case "call": {
        const called = { name: event.name, arguments: "" };
        const call = { index: event.index, id: this.#newCallId(), type: "function" as const, function: called };
        return [this.#chunk({ tool_calls: [call] })];
      }
      case "call_arguments":
        return [this.#chunk({ tool_calls: [{ index: event.index, function: { arguments: event.text } }] })];
      case "call_end":
        return [];
      case "end": {
        const last = this.#chunk({}, choiceEnd(event.finish, event.stop));
        return this.#withUsage ? [last, { ...this.#head, choices: [], usage: wireUsage(event.usage) }] : [last];
      }
      case "cancelled":
        return cancelled();
    }
  }

  #chunk(delta: ChatDelta, end: ChoiceEnd<ChatFinish | null> = { finish_reason: null }): ChatChunk {
    const choices = [{ index: 0, delta, logprobs: null, ...end }] as const;
    return this.#withUsage ? { ...this.#head, choices, usage: null } : { ...this.#head, choices };
  }
}

async function wholeAnswer(
  events: AsyncIterable<ChatEvent>,
  identity: AnswerIdentity,
  newCallId: () => string,
): Promise<ChatCompletion> {
  let content = "";
  const calls: { id: string; name: string; arguments: string }[] = [];
  for await (const event of events) {
    switch (event.type) {
      case "text":
        content += event.text;
        break;
      case "call":
        calls.push({ id: newCallId(), name: event.name, arguments: "" });
        break;
      case "call_arguments":
        for (const call of calls.slice(-1)) call.arguments += event.text;
        break;
      case "call_end":
        break;
      case "end":
        return {
          ...completion(identity, { content, calls }, choiceEnd(event.finish, event.stop)),
          usage: wireUsage(event.usage),
        };
      case "cancelled":
        return cancelled();
    }
  }
  return cancelled();
}

function completion(
  identity: AnswerIdentity,
  { content, calls }: { content: string; calls: readonly { id: string; name: string; arguments: string }[] },
  end: ChoiceEnd<ChatFinish>,
): Omit<ChatCompletion, "usage"> {
  const toolCalls: WireToolCall[] = calls.map(({ id, name, arguments: text }) => ({
    id,
    type: "function",
    function: { name, arguments: text },
  }));
  const message = {
    role: "assistant",
    content: toolCalls.length > 0 && content === "" ? null : content,
    refusal: null,
    ...(toolCalls.length > 0 && { tool_calls: toolCalls }),
  } as const;
  return {
    id: identity.id,
    object: "chat.completion",
    created: identity.created,
    model: identity.model,
    choices: [{ index: 0, message, logprobs: null, ...end }],
  };
}
