import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { LIMITS } from "@hearth/protocol";
import { afterEach, expect, it } from "vitest";
import { until } from "../scripted/answers.js";
import type { Script } from "../scripted/scripted-provider.js";
import type { ScriptedStream } from "../scripted/scripted-stream.js";
import { API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

let hearth: TestCoordinator;
afterEach(() => hearth.stop());

const CONTENT = "x".repeat(16 * 1024);

/** Sends content for as long as there is credit, as a well-behaved agent does, and counts what it sent. */
function pours(sent: { bytes: number }): Script {
  return async (stream) => {
    stream.role();
    while (stream.cancelReason === undefined) {
      if (sent.bytes > LIMITS.initialCreditBytes + stream.creditBytes) await nextTurn();
      else sent.bytes += pour(stream);
    }
  };
}

function pour(stream: ScriptedStream): number {
  stream.content(CONTENT);
  return CONTENT.length;
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A consumer that asks and then does not read. */
function askAndIgnore(url: string): Socket {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => {});
  socket.pause();
  const body = JSON.stringify({ model: "m", stream: true, messages: [{ role: "user", content: "hi" }] });
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer ${API_KEY}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  return socket;
}

/** Resolves when a count has not changed for a while. */
async function settled(count: () => number): Promise<number> {
  let last = -1;
  let unchanged = 0;
  await until("the count settles", () => {
    unchanged = count() === last ? unchanged + 1 : 0;
    last = count();
    return last > 0 && unchanged > 100;
  });
  return last;
}

it("slows the provider to the pace of a consumer that does not read, and keeps memory flat", async () => {
  hearth = await startTestCoordinator();
  const sent = { bytes: 0 };
  await hearth.provider(pours(sent));
  const socket = askAndIgnore(hearth.url);
  const stalledAt = await settled(() => sent.bytes);
  // What the kernel's buffers on both ends take, and no more: the provider could have sent without end.
  expect(stalledAt).toBeLessThan(32 * 2 ** 20);
  const before = process.memoryUsage().rss;
  expect(await settled(() => sent.bytes)).toBe(stalledAt);
  expect(process.memoryUsage().rss - before).toBeLessThan(16 * 2 ** 20);
  let read = 0;
  socket.on("data", (data) => {
    read += data.length;
    if (read > 2 * stalledAt) socket.destroy();
  });
  socket.resume();
  await once(socket, "close");
  expect(sent.bytes).toBeGreaterThan(stalledAt);
});

it("cuts a consumer off that has left a full buffer unread for 30 s", async () => {
  // A hundred seconds of the coordinator's pass in one of ours.
  const fast = {
    now: () => performance.now() * 100,
    wallTime: () => Date.now(),
    setTimer(ms: number, fire: () => void): Disposable {
      const timer = setTimeout(fire, ms / 100);
      return { [Symbol.dispose]: () => clearTimeout(timer) };
    },
  };
  hearth = await startTestCoordinator({ clock: fast });
  const provider = await hearth.provider(pours({ bytes: 0 }));
  const socket = askAndIgnore(hearth.url);
  await until("the request runs", () => provider.streams.length === 1);
  expect(await provider.streams[0]?.cancelled).toBe("consumer_gone");
  socket.destroy();
});
