import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { checkLlamaCommand, llamaArgProblems } from "./llama-command.js";

let folder = "";
let program = "";
let model = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hearth-llama-"));
  program = join(folder, "llama-server");
  model = join(folder, "m.gguf");
  writeFileSync(program, "#!/bin/sh\n");
  chmodSync(program, 0o755);
  writeFileSync(model, "GGUF");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("takes a program and a model that are there, and tells the model's size", async () => {
  expect(await checkLlamaCommand({ command: program, modelPath: model, args: ["-ngl", "99"] })).toBe(4);
  expect(await checkLlamaCommand({ command: "sh", modelPath: model, args: [] })).toBe(4);
});

it("names everything that is wrong at once", async () => {
  const check = checkLlamaCommand({
    command: "no-such-llama-server",
    modelPath: join(folder, "gone.gguf"),
    args: ["--port=1", "--log-prompts-dir", "/tmp", "-ngl", "99"],
  });
  await expect(check).rejects.toMatchObject({ code: "config_invalid" });
  const { message } = (await check.catch((error: unknown) => error)) as Error;
  expect(message.split("\n")).toEqual([
    "llama-server cannot be started:",
    "  - args: --port is set by the agent",
    "  - args: --log-prompts-dir could bring prompts or answers into a log or onto disk",
    expect.stringMatching(/command: no-such-llama-server is not installed.*brew install llama\.cpp/),
    `  - model_path: ${join(folder, "gone.gguf")} cannot be read: ENOENT`,
  ]);
});

it("refuses a program that cannot be run and a model that is a folder", async () => {
  chmodSync(program, 0o644);
  const check = checkLlamaCommand({ command: program, modelPath: folder, args: [] });
  await expect(check).rejects.toThrow(`${program} cannot be run: EACCES`);
  await expect(check).rejects.toThrow(`${folder} is no file`);
});

it("lets nobody switch on what would write prompts down", () => {
  for (const arg of ["-v", "--verbose", "-lv", "--log-file=/tmp/x", "--slot-save-path"]) {
    expect(llamaArgProblems([arg])).toHaveLength(1);
  }
  expect(llamaArgProblems(["--ctx-size", "8192", "-np", "4", "--flash-attn", "on"])).toEqual([]);
});
