import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { generateKeyPair, openRequest, type RequestOpener, type RequestSealer, sealRequest } from "@hearth/e2e";
import { FakeClock } from "@hearth/platform/testing";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openAiErrorBody } from "../../api/error-envelope.js";
import { HearthError } from "../../platform/errors.js";
import { NodeConsumer } from "../node-consumer.js";
import type { SealedEvent } from "./schemas.js";
import { SealedConsumer } from "./sealed-consumer.js";

let server: Server;
let clock: FakeClock;
let sealer: RequestSealer;
let opener: RequestOpener;
/** What the server does with the consumer of the next request. */
let serve: (consumer: SealedConsumer, plain: NodeConsumer) => void;

beforeEach(async () => {
  clock = new FakeClock();
  const keyPair = generateKeyPair();
  const binding = { requestId: "r", attemptId: "a" };
  sealer = sealRequest({ publicKey: keyPair.publicKey, binding });
  opener = openRequest({ keyPair, encapsulatedKey: sealer.encapsulatedKey, binding });
  server = createServer((_request, response) => {
    const plain = new NodeConsumer(response, clock, openAiErrorBody);
    serve(new SealedConsumer(plain, opener.response, openAiErrorBody), plain);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterEach(() => new Promise((resolve) => server.close(resolve)));

const ask = (): Promise<Response> => fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);

function open(text: string, seq: number, final: boolean): string {
  return Buffer.from(sealer.response.open(Buffer.from(text, "base64url"), seq, final)).toString();
}

async function openWhole(response: Response): Promise<string[]> {
  const { chunks } = (await response.json()) as { chunks: string[] };
  return chunks.map((chunk, seq) => open(chunk, seq, seq === chunks.length - 1));
}

it("seals an error with its true status, and keeps the headers that say when to come back", async () => {
  serve = (consumer) => consumer.sendError(new HearthError("no_provider", "nobody is here", { retryAfterSeconds: 7 }));
  const response = await ask();
  expect(response.status).toBe(503);
  expect(response.headers.get("retry-after")).toBe("7");
  const [head = "", body = ""] = await openWhole(response);
  expect(JSON.parse(head)).toMatchObject({ status: 503 });
  expect(JSON.parse(body)).toMatchObject({ error: { code: "no_provider", message: "nobody is here" } });
});

it("keeps in what an answer has cost, which would tell how long it is", async () => {
  serve = (consumer) => {
    consumer.setHeaders({ "X-Attempts": "1", "X-Hearth-Cost": "0.000123" });
    consumer.sendJson({ usage: { cost: 0.000_123 } });
  };
  const response = await ask();
  expect([response.headers.get("x-attempts"), response.headers.get("x-hearth-cost")]).toEqual(["1", null]);
  expect(await openWhole(response)).toHaveLength(2);
});

it("cuts a large body into chunks", async () => {
  serve = (consumer) => consumer.sendJson(Buffer.alloc(600 * 1024, "x"));
  const chunks = await openWhole(await ask());
  expect(chunks.slice(1).map((chunk) => chunk.length)).toEqual([256 * 1024, 256 * 1024, 88 * 1024]);
});

it("ends an empty body with an empty chunk", async () => {
  serve = (consumer) => consumer.sendJson(new Uint8Array(0));
  expect((await openWhole(await ask()))[1]).toBe("");
});

it("says nothing more once it has answered, or while it streams", async () => {
  const failure = new HearthError("internal", "too late");
  serve = (consumer) => {
    consumer.sendJson({ ok: true });
    consumer.sendError(failure);
    consumer.sendJson({ ok: false });
    void consumer.write("data: late\n\n");
    consumer.endStream("data: late\n\n");
  };
  expect((await openWhole(await ask()))[1]).toBe('{"ok":true}');
});

it("ends a stream later than it finishes it: what comes between waits for nobody, and is not the end", async () => {
  serve = (consumer, plain) => {
    consumer.finishStream("data: none of this before the stream is open\n\n");
    consumer.openStream();
    consumer.finishStream("data: 1\n\n", "data: [DONE]\n\n");
    setImmediate(() => {
      consumer.endStream();
      consumer.finishStream("data: late\n\n");
      plain.close();
    });
  };
  const blocks = (await (await ask()).text()).split("\n\n").filter((block) => block !== "");
  const events = blocks.map((each) => JSON.parse(each.slice(6)) as SealedEvent);
  expect(events.map(({ s, f, c }) => open(c, s, f)).slice(1)).toEqual(["data: 1\n\ndata: [DONE]\n\n", ""]);
  expect(events.map(({ f }) => f)).toEqual([false, false, true]);
});

it("seals each event of a stream, and leaves keep-alive comments outside", async () => {
  serve = (consumer, plain) => {
    consumer.openStream();
    void consumer.write("data: 1\n\n");
    consumer.sendError(new HearthError("internal", "no place for it in a stream"));
    setImmediate(() => {
      clock.advance(15_000);
      consumer.endStream("data: 2\n\n", Buffer.from(": receipt\n\n"));
      consumer.endStream("data: 3\n\n");
      plain.close();
    });
  };
  const response = await ask();
  expect(response.headers.get("x-hearth-sealed")).toBe("1");
  const blocks = (await response.text()).split("\n\n").filter((block) => block !== "");
  expect(blocks.map((block) => (block.startsWith("data: ") ? "sealed" : block))).toEqual([
    "sealed",
    "sealed",
    ": keep-alive",
    "sealed",
  ]);
  const events = blocks
    .filter((block) => block.startsWith("data: "))
    .map((each) => JSON.parse(each.slice(6)) as SealedEvent);
  expect(events.map(({ s, f, c }) => open(c, s, f)).slice(1)).toEqual(["data: 1\n\n", "data: 2\n\n: receipt\n\n"]);
  expect(sealer.response.finished).toBe(true);
  expect(clock.pending).toBe(0);
});
