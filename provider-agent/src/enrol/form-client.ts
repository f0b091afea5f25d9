import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { type Clock, deadline } from "@hearth/platform";

/** What came back for a form. */
export interface FormAnswer {
  readonly status: number;
  /** `undefined` when the body is no JSON, or too large. */
  readonly json: unknown;
}

/** Sends forms as OAuth has them. */
export interface FormClient {
  /** @throws Error when no answer comes: no connection, cut off, too slow, or the signal aborted */
  post(url: URL, form: Readonly<Record<string, string>>, signal: AbortSignal): Promise<FormAnswer>;
}

/** How long an answer may take, ms, and its bytes at most. */
const TIMEOUT_MS = 30_000;
const MAX_BYTES = 64 * 1024;

/** Forms over node:http, each on a connection of its own. Redirects are not followed: the token is for one place. */
export class HttpFormClient implements FormClient {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async post(url: URL, form: Readonly<Record<string, string>>, signal: AbortSignal): Promise<FormAnswer> {
    using limit = deadline(this.#clock, TIMEOUT_MS, signal);
    const response = await send(url, new URLSearchParams(form).toString(), limit.signal);
    return { status: response.statusCode ?? 0, json: parse(await readText(response)) };
  }
}

function send(url: URL, body: string, signal: AbortSignal): Promise<IncomingMessage> {
  const start = url.protocol === "https:" ? httpsRequest : httpRequest;
  const headers = {
    Accept: "application/json",
    "Content-Type": "application/x-www-form-urlencoded",
    "Content-Length": Buffer.byteLength(body),
  };
  return new Promise((resolve, reject) => {
    // The signal also cuts off a response that is being read.
    const request = start(url, { method: "POST", headers, agent: false, signal });
    request.on("response", resolve);
    request.on("error", reject);
    request.end(body);
  });
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    bytes += chunk.length;
    // Leaving the loop destroys the response.
    if (bytes > MAX_BYTES) return "";
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What a machine says of itself to be enrolled. */
export interface MachineDescription {
  /** 43 characters, as in `register`. */
  readonly identity: string;
  /** What its owner will know it by: at most 64 characters. */
  readonly name: string;
  readonly platform: string;
  readonly agentVersion: string;
}

/** The form's members that describe the machine. */
export function describeMachine(machine: MachineDescription): Readonly<Record<string, string>> {
  const { identity, name, platform, agentVersion } = machine;
  return { identity, name, platform, agent_version: agentVersion };
}
