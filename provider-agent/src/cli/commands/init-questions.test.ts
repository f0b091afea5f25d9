import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { FakeClock } from "@hearth/platform/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CliContext } from "../invocation.js";
import type { FoundBackend } from "../ports.js";
import { createProgram } from "../program.js";
import type { Prompter } from "../prompter.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hearth-init-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const OLLAMA: FoundBackend = { kind: "ollama", url: "http://127.0.0.1:11434/v1", models: ["a", "b", "c", "d"] };
const VLLM: FoundBackend = { kind: "vllm", url: "http://127.0.0.1:8000/v1", models: [] };

/** Runs `init` on a machine where these servers answer. @returns the questions, and the file */
async function init(
  found: readonly FoundBackend[],
  args: readonly string[],
  answers: Readonly<Record<string, unknown>>,
) {
  const questions: string[] = [];
  const answer = async <T>(question: string): Promise<T> => {
    questions.push(question);
    const key = Object.keys(answers).find((words) => question.includes(words));
    if (key === undefined) throw new Error(`nobody expected "${question}"`);
    return answers[key] as T;
  };
  const notes: string[] = [];
  const prompter: Prompter = {
    intro: async () => {},
    outro: async (text) => void notes.push(text),
    note: async (text) => void notes.push(text),
    text: answer,
    secret: answer,
    confirm: answer,
    select: answer,
    selectMany: answer,
  };
  const config = join(folder, "config.toml");
  const context = {
    env: { HEARTH_AGENT_CONFIG: config, HEARTH_AGENT_DATA_DIR: folder },
    platform: "linux",
    clock: new FakeClock(),
    stdin: Object.assign(new PassThrough(), { isTTY: true }),
    stdout: new PassThrough(),
    stderr: new PassThrough(),
    prompter,
    signal: new AbortController().signal,
    ports: {
      describeMachine: async () => ({ chip: "Apple M4", cores: 10, memoryBytes: 32 * 2 ** 30 }),
      detectBackends: async () => found,
      tokens: { read: () => "kept", write: () => {}, remove: () => false },
    },
  } as unknown as CliContext;
  await createProgram(context).parseAsync(["init", ...args], { from: "user" });
  return { questions, notes, text: readFileSync(config, "utf8") };
}

describe("the questions of init", () => {
  const URL = "wss://hearth.example/ws/provider";

  it("are none where flags and what is found decide everything", async () => {
    const { questions, notes, text } = await init([OLLAMA], ["--coordinator", URL, "--owner-only"], {});
    expect(questions).toEqual([]);
    expect(notes[0]).toBe(
      "Apple M4, 10 cores, 32 GiB of memory\nollama at http://127.0.0.1:11434/v1: a, b, c and 1 more",
    );
    expect(text).toContain('[[backends]]\nkind = "ollama"\nurl = "http://127.0.0.1:11434/v1"\n');
    expect(text).toContain('sharing = "owner_only"');
  });

  it("let the owner choose among several servers", async () => {
    const answers = { "Which of these servers": [VLLM.url], "Which coordinator": URL };
    const { questions, text } = await init([OLLAMA, VLLM], [], answers);
    expect(questions).toHaveLength(2);
    expect(text).toContain('kind = "vllm"');
    expect(text).not.toContain("ollama at");
    expect(text).not.toContain('kind = "ollama"');
  });

  it("leave backends to each start where no server answers", async () => {
    const { notes, text } = await init([], ["--coordinator", URL], {});
    expect(notes[0]).toContain("the embedded engine will be tried");
    expect(text).toContain("# [[backends]]");
  });
});
