import { type Agent, request } from "node:http";

/** What became of one request, as its consumer can tell. */
export type ConsumerOutcome =
  /** Success, with everything that marks one. */
  | { readonly type: "answer"; readonly content: string }
  /** Some content, then one in-band error and nothing but the end of the stream. */
  | { readonly type: "told"; readonly content: string; readonly finished: boolean }
  /** An HTTP error status, with an error body. */
  | { readonly type: "refused" }
  /** Anything else: a consumer could take it for something that it is not. */
  | { readonly type: "misled"; readonly status: number; readonly body: string };

export interface ConsumerRequest {
  readonly url: string;
  readonly apiKey: string;
  readonly model: string;
  readonly stream: boolean;
  readonly agent: Agent;
  readonly prompt?: string;
  /** How long the consumer waits for the end of its answer, ms. */
  readonly patienceMs?: number;
}

/** How long a consumer waits unless told otherwise, ms. Far over every deadline of the cases. */
const PATIENCE_MS = 10_000;

/** Asks for a chat completion and reads its answer as strictly as any consumer would. */
export async function consumerOutcome(asked: ConsumerRequest): Promise<ConsumerOutcome> {
  const { status, body, whole } = await post(asked);
  const outcome = whole ? read(status, body, asked.stream) : undefined;
  return outcome ?? { type: "misled", status, body: whole ? body : `${body} (broken off)` };
}

interface HttpAnswer {
  readonly status: number;
  readonly body: string;
  readonly whole: boolean;
}

function post(asked: ConsumerRequest): Promise<HttpAnswer> {
  const { url, apiKey, model, stream, agent, prompt = "hi", patienceMs = PATIENCE_MS } = asked;
  const body = JSON.stringify({ model, stream, messages: [{ role: "user", content: prompt }] });
  const headers = { Authorization: `Bearer ${apiKey}`, "Content-Type": "application/json" };
  return new Promise((resolve) => {
    const nothing = (): void => resolve({ status: 0, body: "", whole: false });
    const signal = AbortSignal.timeout(patienceMs);
    const sent = request(`${url}/v1/chat/completions`, { method: "POST", headers, agent, signal }, (response) => {
      const parts: Buffer[] = [];
      const end = (): void =>
        resolve({
          status: response.statusCode ?? 0,
          body: Buffer.concat(parts).toString("utf8"),
          whole: response.complete,
        });
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("error", () => {});
      response.on("close", end);
    });
    sent.on("error", nothing);
    sent.end(body);
  });
}

interface Choice {
  readonly finish_reason?: string | null;
  readonly delta?: { readonly content?: string | null };
  readonly message?: { readonly content?: string | null };
}

interface Body {
  readonly choices?: readonly Choice[];
  readonly error?: { readonly message?: string };
}

function read(status: number, body: string, stream: boolean): ConsumerOutcome | undefined {
  if (status >= 400) return readRefusal(body);
  if (status !== 200) return undefined;
  return stream ? readEvents(body) : readBody(body);
}

function readRefusal(body: string): ConsumerOutcome | undefined {
  const { error, choices } = JSON.parse(body) as Body;
  return error?.message !== undefined && choices === undefined ? { type: "refused" } : undefined;
}

function readBody(body: string): ConsumerOutcome | undefined {
  const { error, choices } = JSON.parse(body) as Body;
  const [choice] = choices ?? [];
  if (error !== undefined || choice?.finish_reason !== "stop") return undefined;
  return { type: "answer", content: choice.message?.content ?? "" };
}

function readEvents(text: string): ConsumerOutcome | undefined {
  // Comments, like the receipt behind the end, mean nothing to a consumer.
  const events = text.split("\n\n").filter((event) => !event.startsWith(":"));
  // A whole stream ends with a blank line, behind the one terminator.
  if (events.pop() !== "" || events.pop() !== "data: [DONE]") return undefined;
  if (!events.every((event) => event.startsWith("data: {"))) return undefined;
  const chunks = events.map((event) => JSON.parse(event.slice("data: ".length)) as Body);
  const errors = chunks.filter((chunk) => chunk.error !== undefined).length;
  const finishes = chunks.filter((chunk) => chunk.choices?.[0]?.finish_reason).length;
  const content = chunks.map((chunk) => chunk.choices?.[0]?.delta?.content ?? "").join("");
  if (errors === 0) return finishes === 1 ? { type: "answer", content } : undefined;
  if (errors > 1 || finishes > 1 || chunks.at(-1)?.error === undefined) return undefined;
  return { type: "told", content, finished: finishes === 1 };
}
