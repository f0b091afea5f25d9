import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { childProgram } from "./child-process.js";
import { type EngineExit, type EngineOptions, startEngine } from "./index.js";
import { EngineClient, eventually, PICO } from "./testing/engine-client.js";

const pico: EngineOptions = { modelPath: PICO, modelId: "pico" };
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hearth-engine-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function modelFile(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

describe("startEngine", () => {
  it("refuses a model that is missing or is no file", async () => {
    await expect(startEngine({ ...pico, modelPath: join(folder, "none.gguf") })).rejects.toMatchObject({
      code: "model_missing",
    });
    await expect(startEngine({ ...pico, modelPath: folder })).rejects.toMatchObject({ code: "model_missing" });
  });

  it("refuses a file that is no model, and a model that is cut off", async () => {
    const junk = await modelFile("junk.gguf", Buffer.from("no model at all"));
    const half = await modelFile("half.gguf", (await readFile(PICO)).subarray(0, 1_000_000));
    const starts = [junk, half].map((modelPath) => startEngine({ ...pico, modelPath }));
    const results = await Promise.allSettled(starts);
    for (const result of results) expect(result).toMatchObject({ reason: { code: "model_corrupt" } });
  });

  it("gives the start up when its signal comes, with the signal's reason", async () => {
    const reason = new Error("changed my mind");
    await expect(startEngine(pico, AbortSignal.abort(reason))).rejects.toMatchObject({
      code: "aborted",
      cause: reason,
    });
    // Loading llama.cpp alone takes longer than this.
    const whileLoading = startEngine(pico, AbortSignal.timeout(50));
    await expect(whileLoading).rejects.toMatchObject({ code: "aborted", cause: { name: "TimeoutError" } });
  });

  it("says that a build is needed where the child's program is missing", () => {
    const elsewhere = pathToFileURL(join(folder, "src", "child-process.js")).href;
    expect(() => childProgram(elsewhere)).toThrow(expect.objectContaining({ code: "not_built" }));
  });

  it("reports a child that was killed, once", async () => {
    const exits: EngineExit[] = [];
    const engine = await startEngine({ ...pico, onExit: (exit) => exits.push(exit) });
    process.kill(engine.pid, "SIGKILL");
    await eventually(() => exits.length > 0, 2_000);
    await engine.stop();
    expect(exits).toEqual([{ type: "crashed", exitCode: null, signal: "SIGKILL" }]);
  });

  it("stays alive on the signals that its parent may answer by draining, and ends when it is stopped", async () => {
    const exits: EngineExit[] = [];
    const engine = await startEngine({ ...pico, onExit: (exit) => exits.push(exit) });
    process.kill(engine.pid, "SIGTERM");
    process.kill(engine.pid, "SIGINT");
    const client = new EngineClient(engine);
    expect((await client.chat("ping")).body.choices[0].message.content).toBe("pong");
    const stream = await client.open("Count to 100.", { max_tokens: 1_900 });
    await stream.begun();
    await engine.stop();
    const events = await stream.events();
    expect(events.at(-1)).toMatchObject({ error: { code: "engine_stopping" } });
    expect(exits).toEqual([{ type: "stopped" }]);
    expect(isAlive(engine.pid)).toBe(false);
  });

  it("ends the child when its parent is killed", async () => {
    const script = `
      import { startEngine } from ${JSON.stringify(new URL("../dist/index.js", import.meta.url).href)};
      const engine = await startEngine(${JSON.stringify(pico)});
      console.log(engine.pid);
    `;
    const parent = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    parent.stdout.on("data", (data) => (output += String(data)));
    await eventually(() => output.endsWith("\n"), 15_000);
    const pid = Number(output);
    expect(isAlive(pid)).toBe(true);
    parent.kill("SIGKILL");
    await eventually(() => !isAlive(pid), 2_000);
  });
});
