import { describe, expect, it } from "vitest";
import type { Backend, BackendRequest, BackendResponse, BackendStatus, ReachableBackend } from "../backends/backend.js";
import { eventually } from "./eventually.js";

/** A backend in front of a server that runs. */
export interface ContractSubject extends AsyncDisposable {
  readonly backend: Backend;
  /** One of its models that chats. */
  readonly model: string;
  /** How many requests the server itself says it works on. */
  readonly busy: () => number | Promise<number>;
  /** Ends the server without a word. */
  readonly kill: () => void | Promise<void>;
}

export interface ContractCase {
  readonly name: string;
  readonly start: () => Promise<ContractSubject>;
  /** What it says of itself, as far as it matters. */
  readonly models: readonly object[];
  readonly slots: readonly object[];
  /** Paths of the models that it tells. */
  readonly sources?: Readonly<Record<string, unknown>>;
  /** The status with which it refuses a request that has no messages. */
  readonly refuses: number;
  /** What makes the server's answer to `chatRequest` go on until it is aborted. */
  readonly endless: object;
  /** The server starts again by itself after a crash. */
  readonly restarts?: boolean;
}

/** From the abort until the server has noticed, ms. */
const ABORT_MS = 100;

const never: AbortSignal = new AbortController().signal;

/** A request for a chat that streams. */
export function chatRequest(model: string, more: object = {}): BackendRequest {
  const messages = [{ role: "user", content: "What is 7 + 8?" }];
  const body = { model, messages, stream: true, temperature: 0, max_tokens: 32, ...more };
  return { dialect: "chat_completions", model, body: Buffer.from(JSON.stringify(body)) };
}

export async function textOf({ body }: BackendResponse): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const part of body) chunks.push(part);
  return Buffer.concat(chunks).toString("utf8");
}

function reachable(status: BackendStatus): ReachableBackend {
  if (status.type === "unreachable") throw new Error(`unreachable: ${status.problem}`);
  return status;
}

/** Reads until something has come, and leaves the rest. */
async function firstPart(response: BackendResponse): Promise<AsyncIterator<Uint8Array>> {
  const parts = response.body[Symbol.asyncIterator]();
  expect((await parts.next()).done).toBe(false);
  return parts;
}

/** Runs what holds for every backend against one of them. */
export function describeBackend(subject: ContractCase): void {
  describe(`${subject.name} as a backend`, () => {
    const { start } = subject;

    it("tells its models, what they can do, how they stand and where they lie", async () => {
      await using server = await start();
      const status = reachable(await server.backend.probe(never));
      expect(status.models).toMatchObject(subject.models);
      expect(status.slots).toMatchObject(subject.slots);
      expect(status.slots.map(({ model }) => model)).toEqual(status.models.map(({ id }) => id));
      expect(Object.fromEntries(status.sources)).toEqual(subject.sources ?? {});
    });

    it("streams a chat as events to their end", async () => {
      await using server = await start();
      const response = await server.backend.open(chatRequest(server.model), never);
      expect(response).toMatchObject({ status: 200, contentType: expect.stringContaining("text/event-stream") });
      const text = await textOf(response);
      expect(text).toContain('"content":');
      expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
    });

    it("lets the server see an abort within 100 ms, and serves on", async () => {
      await using server = await start();
      const abort = new AbortController();
      const response = await server.backend.open(chatRequest(server.model, subject.endless), abort.signal);
      const parts = await firstPart(response);
      expect(await server.busy()).toBe(1);
      abort.abort(new Error("enough"));
      expect(await eventually(async () => (await server.busy()) === 0)).toBeLessThan(ABORT_MS);
      await expect(drain(parts)).rejects.toThrow();
      expect((await server.backend.open(chatRequest(server.model), never)).status).toBe(200);
    });

    it("does not call at all when the signal is aborted before", async () => {
      await using server = await start();
      await expect(server.backend.open(chatRequest(server.model), AbortSignal.abort())).rejects.toThrow("aborted");
      expect(await server.busy()).toBe(0);
    });

    it("hands on why the server refuses a request", async () => {
      await using server = await start();
      const response = await server.backend.open(chatRequest(server.model, { messages: "none" }), never);
      expect(response.status).toBe(subject.refuses);
      expect(JSON.parse(await textOf(response)).error).toBeTruthy();
    });

    it("tells of a server that ends in the middle of an answer", async () => {
      await using server = await start();
      const response = await server.backend.open(chatRequest(server.model, subject.endless), never);
      const parts = await firstPart(response);
      await server.kill();
      await expect(drain(parts)).rejects.toThrow();
      if (subject.restarts === true) {
        await eventually(() => serves(server), 20_000, "another server");
      } else {
        await eventually(async () => (await server.backend.probe(never)).type === "unreachable");
        await expect(server.backend.open(chatRequest(server.model), never)).rejects.toThrow();
      }
    });

    it("can be stopped twice, and serves nobody afterwards", async () => {
      await using server = await start();
      reachable(await server.backend.probe(never));
      await server.backend.stop();
      await server.backend.stop();
    });
  });
}

async function drain(parts: AsyncIterator<Uint8Array>): Promise<void> {
  while ((await parts.next()).done !== true);
}

async function serves({ backend, model }: ContractSubject): Promise<boolean> {
  try {
    const response = await backend.open(chatRequest(model), never);
    return response.status === 200 && (await textOf(response)).includes("[DONE]");
  } catch {
    return false;
  }
}
