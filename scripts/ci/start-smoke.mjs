// A stranger's first minute: npm start, one streamed completion and what it costs, a second npm start on the busy port,
// Ctrl-C, another start, which gives no second credit, and one that finds none left.
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
const QUESTION = { messages: [{ role: "user", content: "What is Hearth?" }] };

const dataDir = mkdtempSync(join(tmpdir(), "hearth-smoke-"));
const port = await freePort();
let started = npmStart({ port, dataDir });
try {
  await checkReady();
  await checkCompletion();
  await checkCost();
  await checkBusyPort();
  const left = await availableMicroUsd();
  await checkCtrlC();
  await checkRestart(left);
  await checkUsedUp();
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

/** Of what npm start has printed. */
function printed(what) {
  return new RegExp(`${what} +(\\S+)`).exec(started.output())[1];
}

function call(path, body) {
  return fetch(`http://127.0.0.1:${port}${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { authorization: `Bearer ${printed("API key")}`, "content-type": "application/json" },
    body: body && JSON.stringify({ model: printed("Model"), ...body }),
    signal: AbortSignal.timeout(30_000),
  });
}

async function checkCompletion() {
  const response = await call("/v1/chat/completions", { ...QUESTION, stream: true });
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

/** The demo's machine is another account's, and the credit that it gives pays for what it answers. */
async function checkCost() {
  const before = await availableMicroUsd();
  assert.ok(before > 0, `the demo's credit is ${before}`);
  assert.match(started.output(), /Balance +\$0\.\d+ of the demo's \$1\.00/);
  const response = await call("/v1/chat/completions", QUESTION);
  const { usage } = await response.json();
  const cost = Math.round(usage.cost * 1_000_000);
  assert.ok(cost > 0, JSON.stringify(usage));
  assert.equal(Number(response.headers.get("x-hearth-cost")), usage.cost);
  assert.equal(await availableMicroUsd(), before - cost);
  console.log(`an answer cost ${cost} micro-USD of the demo's credit`);
}

async function availableMicroUsd() {
  const response = await call("/v1/me/balance");
  assert.equal(response.status, 200);
  return (await response.json()).available_micro_usd;
}

async function checkRestart(left) {
  started = npmStart({ port, dataDir });
  await checkReady();
  const now = await availableMicroUsd();
  assert.ok(now > 0 && now < left, `the credit was ${left}, and is ${now} after another start`);
  await checkCtrlC();
  console.log("another start goes on with what is left of the credit");
}

/** What is left is taken away: the next start says so, and how there is more. */
async function checkUsedUp() {
  started = npmStart({ port, dataDir });
  await checkReady();
  await moveCredit("corrections", -(await availableMicroUsd()));
  await checkCtrlC();
  started = npmStart({ port, dataDir });
  await checkReady();
  assert.match(started.output(), /credit is used up.*402[\s\S]*\/admin\/accounts\/default\/grants/);
  assert.equal((await call("/v1/chat/completions", QUESTION)).status, 402);
  await moveCredit("grants", 1_000_000);
  assert.equal((await call("/v1/chat/completions", QUESTION)).status, 200);
  await checkCtrlC();
  console.log("a start without credit says so, and how there is more");
}

async function moveCredit(how, amount) {
  const response = await fetch(`http://127.0.0.1:${port}/admin/accounts/default/${how}`, {
    method: "POST",
    headers: { authorization: `Bearer ${printed("Admin key")}`, "content-type": "application/json" },
    body: JSON.stringify({
      amount_micro_usd: amount,
      reason: "smoke",
      ...(how === "corrections" && { part: "credit" }),
    }),
  });
  assert.equal(response.ok, true, await response.text());
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
