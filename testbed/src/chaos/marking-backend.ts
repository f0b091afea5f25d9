import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { chunkOf } from "../scripted/scripted-stream.js";
import type { Random } from "../sim/random.js";
import { type MarkedRequest, pieceOf, readPrompt } from "./marked-text.js";

/** What a backend does wrong, before its first piece or in the middle of an answer. */
export const FAULTS = [
  "status_500",
  "status_503",
  "die_first",
  "hang_first",
  "die_midway",
  "end_midway",
  "error_midway",
  "stall_midway",
] as const;
export type Fault = (typeof FAULTS)[number];

/** The faults that show at once, without any deadline. */
export const SUDDEN_FAULTS: readonly Fault[] = [
  "status_500",
  "status_503",
  "die_first",
  "die_midway",
  "end_midway",
  "error_midway",
];

export interface MarkingBackendOptions {
  readonly model: string;
  readonly random: Random;
  /** Share of requests that meet a fault, 0 to 1. */
  readonly faultShare: number;
  /** The faults to choose from, each as likely as the others. */
  readonly faults: readonly Fault[];
}

export interface MarkingBackend extends AsyncDisposable {
  /** Base URL, up to `/v1`. */
  readonly url: string;
  /** How often each fault was played. */
  readonly played: ReadonlyMap<Fault, number>;
}

/** An OpenAI-compatible server that writes marked answers and fails now and then, as drawn from its seed. */
export async function startMarkingBackend(options: MarkingBackendOptions): Promise<MarkingBackend> {
  const played = new Map<Fault, number>();
  const draw = (): Fault | undefined => {
    if (!options.random.chance(options.faultShare)) return undefined;
    const fault = options.random.pick(options.faults);
    played.set(fault, (played.get(fault) ?? 0) + 1);
    return fault;
  };
  const server = createServer((request, response) => {
    response.on("error", () => {});
    if (request.method === "GET") return listModels(request, response, options.model);
    void readBody(request).then((body) => answer(response, options.model, body, draw()));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    played,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

function listModels(request: IncomingMessage, response: ServerResponse, model: string): void {
  if (request.url !== "/v1/models") return void response.writeHead(404).end();
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify({ object: "list", data: [{ id: model, object: "model" }] }));
}

async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  try {
    for await (const part of request) parts.push(part as Buffer);
  } catch {
    // The agent went away, and nobody waits for an answer.
  }
  return Buffer.concat(parts).toString("utf8");
}

interface ChatBody {
  readonly messages: readonly { readonly content: string }[];
}

async function answer(response: ServerResponse, model: string, body: string, fault: Fault | undefined): Promise<void> {
  const asked = askedIn(body);
  if (asked === undefined) return void response.writeHead(400).end();
  if (failsFirst(response, fault)) return;
  const event = (data: unknown): boolean => response.write(`data: ${JSON.stringify(data)}\n\n`);
  response.writeHead(200, { "Content-Type": "text/event-stream" });
  event(chunkOf(model, { role: "assistant", content: "" }));
  for (let index = 0; index < asked.pieces && !response.destroyed; index++) {
    if (index === asked.pieces >> 1 && failsMidway(response, fault)) return;
    event(chunkOf(model, { content: pieceOf(asked, index) }));
    if (asked.gapMs > 0) await sleep(asked.gapMs);
  }
  event(chunkOf(model, {}, "stop"));
  const usage = { prompt_tokens: 4, completion_tokens: asked.pieces, total_tokens: asked.pieces + 4 };
  event({ ...chunkOf(model, undefined), choices: [], usage });
  response.end("data: [DONE]\n\n");
}

function askedIn(body: string): MarkedRequest | undefined {
  if (body === "") return undefined;
  const { messages } = JSON.parse(body) as ChatBody;
  return readPrompt(messages.at(-1)?.content ?? "");
}

/** @returns whether the answer is over before it has begun */
function failsFirst(response: ServerResponse, fault: Fault | undefined): boolean {
  const refuse = (status: number): boolean => {
    response.writeHead(status, { "Content-Type": "application/json" });
    response.end(JSON.stringify({ error: { message: "the backend failed, as it was told to" } }));
    return true;
  };
  if (fault === "status_500") return refuse(500);
  if (fault === "status_503") return refuse(503);
  if (fault === "die_first") response.socket?.destroy();
  return fault === "die_first" || fault === "hang_first";
}

/** @returns whether nothing more comes */
function failsMidway(response: ServerResponse, fault: Fault | undefined): boolean {
  if (fault === "die_midway") response.socket?.destroy();
  if (fault === "end_midway") response.end();
  if (fault === "error_midway") response.end(`data: ${JSON.stringify({ error: { message: "lost half-way" } })}\n\n`);
  return fault?.endsWith("_midway") ?? false;
}
