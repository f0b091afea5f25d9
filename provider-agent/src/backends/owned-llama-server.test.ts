import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "@hearth/platform";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../platform/clock.js";
import { createLogger, type Logger } from "../platform/logger.js";
import { chatRequest, textOf } from "../testing/backend-contract.js";
import { CountingClock } from "../testing/counting-clock.js";
import { eventually } from "../testing/eventually.js";
import { PICO } from "../testing/llama-server.js";
import { isRunning } from "../testing/running-process.js";
import type { BackendSlot } from "./backend.js";
import { OwnedLlamaServer, type OwnedLlamaServerOptions } from "./owned-llama-server.js";
import type { MovedSign } from "./sign-watch.js";

const never = new AbortController().signal;

/** Keeps what is logged instead of writing it. */
function memoryLog(): { readonly log: Logger; readonly lines: unknown[][] } {
  const lines: unknown[][] = [];
  const log = createLogger("silent");
  const keep = (...args: unknown[]): void => void lines.push(args);
  return {
    lines,
    log: Object.assign(Object.create(log) as Logger, { info: keep, warn: keep, error: keep, debug: keep }),
  };
}

/** The machine's clock, whose long timers a test fires itself. */
class HeldClock implements Clock {
  readonly held = new Map<number, () => void>();

  now(): number {
    return systemClock.now();
  }

  wallTime(): number {
    return systemClock.wallTime();
  }

  setTimer(ms: number, fire: () => void): Disposable {
    if (ms < 1_000_000) return systemClock.setTimer(ms, fire);
    this.held.set(ms, fire);
    return { [Symbol.dispose]: () => void (this.held.get(ms) === fire && this.held.delete(ms)) };
  }
}

const IDLE_MS = 3_600_000;
let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hearth-owned-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function slotOf(server: OwnedLlamaServer): Promise<BackendSlot | undefined> {
  const status = await server.probe(never);
  return status.type === "reachable" ? status.slots[0] : undefined;
}

function create(options: Partial<OwnedLlamaServerOptions> = {}): Promise<OwnedLlamaServer> {
  return OwnedLlamaServer.create({
    command: process.env["LLAMA_SERVER"] ?? "",
    modelPath: PICO,
    modelId: "pico",
    args: ["-t", "1", "-np", "2"],
    idleMs: IDLE_MS,
    clock: new HeldClock(),
    rng: { next: () => 0 },
    log: createLogger("silent"),
    ...options,
  });
}

/** A program in place of llama-server. */
function script(text: string): string {
  const path = join(folder, "llama-server");
  writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return path;
}

it.skipIf(process.platform === "win32")("tells how much a process has read that loads a model", async () => {
  const grow = "setInterval((held) => held.push(Buffer.alloc(4 << 20, 1)), 20, [])";
  const command = script(`exec "${process.execPath}" -e '${grow}'`);
  const server = await create({ command, clock: new CountingClock(20) });
  const abort = new AbortController();
  const told: MovedSign[] = [];
  using _watch = server.watch({
    model: "pico",
    waitingSince: () => 0,
    begun: () => false,
    moved: (sign) => told.push(sign),
  });
  const opening = server.open(chatRequest("pico"), abort.signal);
  await eventually(() => told.length >= 5);
  for (const { sign, scope } of told) expect([sign, scope]).toEqual(["loading", "request"]);
  expect(told.at(-1)?.counter).toBeGreaterThan(told[0]?.counter ?? 0);
  abort.abort();
  await expect(opening).rejects.toThrow();
  await server.stop();
});

describe.skipIf(process.env["LLAMA_SERVER"] === undefined)("a llama-server of the agent's own", () => {
  it("runs only when somebody wants it, and gives its memory back when nobody has for a while", async () => {
    const clock = new HeldClock();
    const server = await create({ clock });
    expect(await slotOf(server)).toEqual({ model: "pico", state: "idle_shutdown" });
    expect(server.pid).toBeUndefined();

    const opening = server.open(chatRequest("pico"), never);
    expect(await slotOf(server)).toEqual({ model: "pico", state: "reloading" });
    const response = await opening;
    const { pid } = server;
    expect(isRunning(pid)).toBe(true);
    expect(clock.held.has(IDLE_MS)).toBe(false);
    expect(await textOf(response)).toContain("[DONE]");
    expect(await slotOf(server)).toMatchObject({ state: "idle", maxConcurrency: 2, decodeTps: expect.any(Number) });

    await eventually(() => clock.held.has(IDLE_MS));
    clock.held.get(IDLE_MS)?.();
    await eventually(() => !isRunning(pid));
    const asleep = await server.probe(never);
    expect(asleep).toMatchObject({
      models: [{ id: "pico", context_length: 2_048, capabilities: { tools: true } }],
      slots: [{ model: "pico", state: "idle_shutdown" }],
    });

    expect(await textOf(await server.open(chatRequest("pico"), never))).toContain("[DONE]");
    expect(server.pid).not.toBe(pid);
    const last = server.pid;
    await server.stop();
    await eventually(() => !isRunning(last));
    expect(clock.held.size).toBe(0);
  });

  it("starts once for requests that come together, and lets one of them go away", async () => {
    const { log, lines } = memoryLog();
    const server = await create({ log });
    const abort = new AbortController();
    const gone = server.open(chatRequest("pico"), abort.signal);
    const others = [server.open(chatRequest("pico"), never), server.open(chatRequest("pico"), never)];
    abort.abort();
    await expect(gone).rejects.toThrow("aborted");
    for (const response of await Promise.all(others)) expect(response.status).toBe(200);
    expect(lines.filter(([, message]) => message === "llama-server starts")).toHaveLength(1);
    await server.stop();
  });

  it("logs nothing of a request, also when the server quotes one in its own log", async () => {
    const { log, lines } = memoryLog();
    const server = await create({ log });
    for (const body of ['{"messages": "TELLTALE', '{"messages": [{"role": "TELLTALE"}]}', '["TELLTALE"]']) {
      const response = await server.open({ dialect: "chat_completions", body: Buffer.from(body) }, never);
      expect(response.status).toBeGreaterThanOrEqual(400);
      await textOf(response);
    }
    await server.stop();
    expect(lines.length).toBeGreaterThan(1);
    expect(JSON.stringify(lines)).not.toContain("TELLTALE");
  });

  it("is stopped while it loads, at once", async () => {
    // It listens to nothing, as one does that reads tens of gigabytes.
    const server = await create({ command: script("exec sleep 600") });
    const opening = server.open(chatRequest("pico"), never);
    opening.catch(() => {});
    expect(await slotOf(server)).toMatchObject({ state: "reloading" });
    await server.stop();
    await expect(opening).rejects.toThrow();
    expect(await server.probe(never)).toEqual({ type: "unreachable", problem: "stopped" });
  });

  it("refuses requests and counts as crashed until it is started again, and says what it said", async () => {
    const { log, lines } = memoryLog();
    let delayed: (() => void) | undefined;
    const clock: Clock = {
      now: () => systemClock.now(),
      wallTime: () => systemClock.wallTime(),
      setTimer(ms, fire) {
        if (ms !== 500) return systemClock.setTimer(ms, fire);
        delayed = fire;
        return { [Symbol.dispose]: () => {} };
      },
    };
    const marker = join(folder, "second");
    const real = process.env["LLAMA_SERVER"];
    const command = script(`[ -e ${marker} ] && exec ${real} "$@"; touch ${marker}; echo "no such tensor" >&2; exit 1`);
    const server = await create({ command, log, clock, rng: { next: () => 0.5 } });
    await expect(server.open(chatRequest("pico"), never)).rejects.toThrow("did not load");
    await eventually(() => delayed !== undefined);
    expect(existsSync(marker)).toBe(true);
    expect(await slotOf(server)).toEqual({ model: "pico", state: "crashed" });
    await expect(server.open(chatRequest("pico"), never)).rejects.toThrow("waits for its restart");
    expect(lines).toContainEqual([{ line: "no such tensor" }, "llama-server says"]);
    delayed?.();
    expect(await textOf(await server.open(chatRequest("pico"), never))).toContain("[DONE]");
    await server.stop();
  });
});

it("is not made from what is not there", async () => {
  await expect(create({ command: "/nowhere/llama-server", modelPath: "/nowhere/m.gguf" })).rejects.toMatchObject({
    code: "config_invalid",
    message: expect.stringMatching(/cannot be run: ENOENT\n.*m\.gguf cannot be read: ENOENT/),
  });
});
