// A stranger's first minute: npm start, one streamed completion, a second npm start on the busy port, Ctrl-C.
import "../setup/node-version.js";
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { npmStart } from "./npm-start.js";
import { processesMarked } from "./processes-marked.js";

const READY_MS = 90_000;
const STOP_MS = 20_000;

const dataDir = mkdtempSync(join(tmpdir(), "hearth-smoke-"));
const port = await freePort();
const started = npmStart({ port, dataDir });
try {
  await checkReady();
  await checkCompletion();
  await checkBusyPort();
  await checkCtrlC();
} catch (error) {
  console.error(`${error.stack}\n── what npm start printed\n${started.output()}`);
  process.exitCode = 1;
} finally {
  started.signalGroup("SIGKILL");
  for (const { pid } of processesMarked(dataDir)) process.kill(pid, "SIGKILL");
  rmSync(dataDir, { recursive: true, force: true });
}

async function checkReady() {
  const startedAt = performance.now();
  const ended = started.closed.then((how) => assert.fail(`npm start ended with ${how} before it was ready`));
  await Promise.race([ended, until("the ready line", READY_MS, () => /Hearth is ready/.test(started.output()))]);
  console.log(`ready after ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
}

async function checkCompletion() {
  const [, apiKey] = /API key +(\S+)/.exec(started.output());
  const [, model] = /Model +(\S+)/.exec(started.output());
  const response = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
    body: JSON.stringify({ model, stream: true, messages: [{ role: "user", content: "What is Hearth?" }] }),
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  const events = text.split("\n").filter((line) => line.startsWith("data: "));
  assert.equal(events.filter((event) => event === "data: [DONE]").length, 1, text);
  assert.equal(events.at(-1), "data: [DONE]", text);
  const chunks = events.slice(0, -1).map((event) => JSON.parse(event.slice("data: ".length)));
  const answer = chunks.map((chunk) => chunk.choices[0]?.delta?.content ?? "").join("");
  assert.notEqual(answer.trim(), "", text);
  console.log(`streamed ${chunks.length} chunks: ${answer}`);
}

async function checkBusyPort() {
  const second = npmStart({ port, dataDir });
  const how = await Promise.race([second.closed, delay(STOP_MS, "still running", { ref: false })]);
  second.signalGroup("SIGKILL");
  assert.equal(how, 1, second.output());
  assert.match(second.output(), new RegExp(`Port ${port} .*in use.*HEARTH_PORT`));
  assert.doesNotMatch(second.output(), /Starting/);
  console.log("a busy port is refused with a message that names HEARTH_PORT");
}

async function checkCtrlC() {
  started.signalGroup("SIGINT");
  const how = await Promise.race([started.closed, delay(STOP_MS, "still running", { ref: false })]);
  assert.notEqual(how, "still running");
  assert.match(started.output(), /Stopped\./);
  const left = () => processesMarked(dataDir).map(({ command }) => command);
  await until(
    () => `these processes to end: ${left().join("; ")}`,
    5_000,
    () => left().length === 0,
  );
  assert.equal(await isOpen(port), false, `port ${port} is still open`);
  console.log("Ctrl-C leaves no process and no open port");
}

/**
 * @param {string | (() => string)} what
 * @param {number} deadlineMs
 * @param {() => boolean} condition
 */
async function until(what, deadlineMs, condition) {
  const deadline = performance.now() + deadlineMs;
  while (!condition()) {
    if (performance.now() > deadline) {
      assert.fail(`waited ${deadlineMs / 1000} s for ${typeof what === "string" ? what : what()}`);
    }
    await delay(50);
  }
}

async function freePort() {
  const server = createServer();
  await new Promise((listening) => server.listen({ host: "127.0.0.1", port: 0 }, listening));
  const { port: free } = server.address();
  await new Promise((closed) => server.close(closed));
  return free;
}

function isOpen(portToTry) {
  return new Promise((answer) => {
    const socket = connect({ host: "127.0.0.1", port: portToTry });
    socket.once("connect", () => {
      socket.destroy();
      answer(true);
    });
    socket.once("error", () => answer(false));
  });
}
