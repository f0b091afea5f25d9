import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { chatJob } from "./job.js";
import { type LoadResult, openConnections, runLoad } from "./loader.js";
import { createStub } from "./stub.js";
import { streamWrites } from "./stub-answer.js";

const KEY = "key";
const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function load(server: Server, requests: number, concurrency = 1): Promise<LoadResult> {
  const connections = await openConnections(await listen(server), concurrency);
  const result = await runLoad({ connections, jobs: [chatJob(true, KEY)], until: { requests } });
  for (const connection of connections) connection.close();
  return result;
}

/** Answers well until `brokenFrom`, then as told. */
function breaksAt(brokenFrom: number, answer: RequestListener): Server {
  let count = 0;
  return createServer((request, response) => {
    count += 1;
    request.resume();
    if (count >= brokenFrom) return answer(request, response);
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.end(streamWrites(true).join(""));
  });
}

describe("a load", () => {
  it("does exactly the requests it was asked for, over all its connections", async () => {
    const result = await load(createStub(), 50, 4);
    expect(result.problems).toEqual([]);
    expect(result.latenciesMs).toHaveLength(50);
    expect(result.firstContentMs).toHaveLength(50);
  });

  it("sends its jobs in turn", async () => {
    const port = await listen(createStub());
    const connections = await openConnections(port, 1);
    const jobs = [chatJob(false, KEY), chatJob(true, KEY)];
    const result = await runLoad({ connections, jobs, until: { requests: 4 } });
    connections[0]?.close();
    expect(result.problems).toEqual([]);
    expect(result.latenciesMs).toHaveLength(4);
  });

  it("ends by itself when its time is over", async () => {
    const connections = await openConnections(await listen(createStub()), 2);
    const result = await runLoad({ connections, jobs: [chatJob(true, KEY)], until: { elapsedMs: 50 } });
    for (const connection of connections) connection.close();
    expect(result.elapsedMs).toBeGreaterThanOrEqual(50);
    expect(result.latenciesMs.length).toBeGreaterThan(0);
  });

  it("does not end before it has done what it is to do at least", async () => {
    const connections = await openConnections(await listen(createStub()), 2);
    const until = { elapsedMs: 0, atLeast: 40 };
    const result = await runLoad({ connections, jobs: [chatJob(true, KEY)], until });
    for (const connection of connections) connection.close();
    expect(result.latenciesMs).toHaveLength(40);
  });

  it("sees the first content before the end of the answer", async () => {
    const { latenciesMs, firstContentMs } = await load(createStub(), 20);
    for (const [index, first] of firstContentMs.entries()) {
      expect(first).toBeGreaterThan(0);
      expect(first).toBeLessThanOrEqual(latenciesMs[index] as number);
    }
  });

  it.each<[string, RequestListener, string]>([
    [
      "a stream without [DONE]",
      (_request, response) => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.end(streamWrites(true).slice(0, -1).join(""));
      },
      "0 [DONE]",
    ],
    [
      "a stream without text",
      (_request, response) => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.end("data: [DONE]\n\n");
      },
      "empty text",
    ],
    [
      "a connection that ends within the answer",
      (_request, response) => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write(streamWrites(true).slice(0, 3).join(""), () => response.destroy());
      },
      "truncated",
    ],
    ["a connection that ends without an answer", (_request, response) => response.destroy(), "closed"],
    ["an error status", (_request, response) => response.writeHead(500).end("no"), "status 500"],
  ])("counts %s as broken, not as an answer, and goes no further", async (_name, answer, problem) => {
    const result = await load(breaksAt(4, answer), 10);
    expect(result.problems).toEqual([problem]);
    expect(result.latenciesMs).toHaveLength(3);
  });
});
