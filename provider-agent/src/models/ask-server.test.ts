import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Rendering, RenderQuestion } from "../backends/backend.js";
import { EmbeddedBackend } from "../backends/embedded-backend.js";
import { OpenAiBackend } from "../backends/openai-backend.js";
import { systemClock } from "../platform/clock.js";
import { createLogger } from "../platform/logger.js";
import { LlamaServer, PICO } from "../testing/llama-server.js";
import { askServer, type ServerWord } from "./ask-server.js";

const { signal } = new AbortController();
const PROGRAM = process.env["LLAMA_SERVER"];

interface Conversation {
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly tools?: readonly object[];
}
type Answer = Rendering | undefined;

const REFUSED: Rendering = { type: "refused" };
/** All that there is in a conversation. */
const promptOf = ({ messages, tools = [] }: Conversation): string => JSON.stringify([messages, tools]);
const rendered = (conversation: Conversation): Answer => ({ type: "rendered", prompt: promptOf(conversation) });
const counted = (conversation: Conversation): Answer => ({
  type: "rendered",
  tokens: Math.ceil(promptOf(conversation).length / 4),
});

async function wordOf(answer: (conversation: Conversation) => Answer): Promise<ServerWord> {
  return await askServer(async (conversation) => answer(conversation as unknown as Conversation), systemClock, signal);
}

const systems = ({ messages }: Conversation): readonly number[] =>
  messages.flatMap(({ role }, index) => (role === "system" ? [index] : []));
const looseTypes = ({ tools }: Conversation): boolean =>
  JSON.stringify(tools ?? []).includes('"type":["string","null"]');

describe("a server's word", () => {
  it("is that all is well where it renders everything and leaves nothing out", async () => {
    const anywhere = { systemAnywhere: true, turnsAnywhere: true };
    const all = { renders: true, needsStringTypes: false, ...anywhere, complete: true };
    expect(await wordOf(rendered)).toEqual(all);
    expect(await wordOf(counted)).toEqual(all);
  });

  it("is that it renders, where it says neither what nor how much", async () => {
    expect(await wordOf(() => ({ type: "rendered" }))).toEqual({ renders: true, turnsAnywhere: true, complete: true });
  });

  it("is that the template does not render only where every conversation is refused", async () => {
    expect(await wordOf(() => REFUSED)).toEqual({ renders: false, complete: true });
    expect(await wordOf((asked) => (asked.tools ? rendered(asked) : REFUSED))).toEqual({ complete: true });
    const noSystem = await wordOf((asked) => (systems(asked).length > 0 ? REFUSED : rendered(asked)));
    expect(noSystem).toMatchObject({ renders: true, systemAnywhere: false });
    expect(await wordOf((asked) => (systems(asked).length === 0 ? REFUSED : rendered(asked)))).toMatchObject({
      renders: true,
    });
  });

  it.each([0, 1, 4, 8])("is none of what comes after %i refusals, when the next is no answer", async (answers) => {
    let asked = 0;
    const said = await wordOf(() => (asked++ < answers ? REFUSED : undefined));
    expect(said).toEqual({ complete: false });
    // Whoever does not answer is not asked on.
    expect(asked).toBe(answers + 1);
  });

  it("is none when the connection breaks, or no answer comes", async () => {
    const breaks: RenderQuestion = () => Promise.reject(new Error("ECONNRESET"));
    expect(await askServer(breaks, systemClock, signal)).toEqual({ complete: false });
    const hangs: RenderQuestion = (_, given) =>
      new Promise((_resolve, reject) => given.addEventListener("abort", () => reject(given.reason)));
    const asker = new AbortController();
    const asking = askServer(hangs, systemClock, asker.signal);
    asker.abort();
    expect(await asking).toEqual({ complete: false });
  });

  it("is that turns are counted where it refuses a question behind another, or behind a result", async () => {
    const follows = (before: string) => (asked: Conversation) =>
      asked.messages.some(({ role }, index) => role === "user" && asked.messages[index - 1]?.role === before)
        ? REFUSED
        : rendered(asked);
    for (const before of ["user", "tool"]) {
      expect(await wordOf(follows(before))).toMatchObject({ renders: true, turnsAnywhere: false });
    }
    expect(await wordOf(follows("nobody"))).toMatchObject({ turnsAnywhere: true });
  });

  it("is that it takes no tools where it refuses them, or leaves them out of what it shows", async () => {
    const refuses = await wordOf((asked) => (asked.tools ? REFUSED : rendered(asked)));
    expect(refuses).toMatchObject({ renders: true, tools: false, systemAnywhere: true, complete: true });
    const drops = await wordOf(({ messages }) => rendered({ messages }));
    expect(drops).toMatchObject({ renders: true, tools: false, needsStringTypes: false });
  });

  it("is nothing about tools where they make no difference to what it counts, as in old versions of vLLM", async () => {
    const ignores = await wordOf(({ messages }) => counted({ messages }));
    expect(ignores).toEqual({ renders: true, systemAnywhere: true, turnsAnywhere: true, complete: true });
    // A refusal is one all the same.
    expect(await wordOf((asked) => (asked.tools ? REFUSED : counted(asked)))).toMatchObject({ tools: false });
  });

  it.each([rendered, counted])("is that tools need a string type where it refuses them only without", async (plain) => {
    const said = await wordOf((asked) => (looseTypes(asked) ? REFUSED : plain(asked)));
    expect(said).toMatchObject({ renders: true, needsStringTypes: true });
    expect(said.tools).toBeUndefined();
    const nested = await wordOf((asked) => (promptOf(asked).includes('"items":{"type":["') ? REFUSED : plain(asked)));
    expect(nested.needsStringTypes).toBe(true);
  });

  it("knows of a system message that is left out, whichever of two it is", async () => {
    const without =
      (which: "first" | "last", plain: (asked: Conversation) => Answer) =>
      (asked: Conversation): Answer => {
        const all = systems(asked);
        const left = all.length < 2 ? undefined : which === "first" ? all[0] : all.at(-1);
        return plain({ ...asked, messages: asked.messages.filter((_, index) => index !== left) });
      };
    for (const which of ["first", "last"] as const) {
      expect((await wordOf(without(which, rendered))).systemAnywhere).toBe(false);
      expect((await wordOf(without(which, counted))).systemAnywhere).toBe(false);
    }
  });
});

/** What a real llama-server says of a template. */
async function llamaWord(template: string): Promise<ServerWord | undefined> {
  await using server = await LlamaServer.start(PROGRAM ?? "", ["--chat-template", template]);
  return await wordAt(server.url);
}

async function wordAt(baseUrl: string, before: () => Promise<void> = async () => {}): Promise<ServerWord | undefined> {
  const backend = new OpenAiBackend({ baseUrl, models: [] });
  onTestFinished(() => backend.stop());
  const status = await backend.probe(signal);
  const renderer = status.type === "reachable" ? status.sources.get("pico")?.renderer : undefined;
  await before();
  return renderer && (await askServer(renderer.ask, systemClock, signal));
}

const ECHO = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}";

describe.skipIf(!PROGRAM)("a real llama-server's word", () => {
  it("is no refusal for its own model, and none at all when it is gone", async () => {
    await using server = await LlamaServer.start(PROGRAM ?? "");
    const anywhere = { systemAnywhere: false, turnsAnywhere: true };
    const said = { renders: true, needsStringTypes: false, ...anywhere, complete: true };
    expect(await wordAt(server.url)).toEqual(said);
    expect(await wordAt(server.url, () => server[Symbol.asyncDispose]())).toEqual({ complete: false });
  });

  it("is a refusal for a template that takes no more than what it is tried with at the start", async () => {
    const never = `{% if messages[0].content != "test" %}{{ raise_exception("never") }}{% endif %}${ECHO}`;
    expect(await llamaWord(never)).toEqual({ renders: false, complete: true });
  });

  it("is that of the template which it uses, whatever lies in the model's file", async () => {
    expect(await llamaWord(ECHO)).toMatchObject({ renders: true, tools: false, systemAnywhere: true });
    const later = "{% if loop.index0 > 0 and m.role == 'system' %}{{ raise_exception('first') }}{% endif %}";
    expect(await llamaWord(ECHO.replace("{{ m.role }}", `${later}{{ m.role }}`))).toMatchObject({
      renders: true,
      systemAnywhere: false,
    });
  });

  it("is that tools need a string type for a template that looks one up", async () => {
    const types = "{% set names = {'string': 'str', 'object': 'dict', 'array': 'list'} %}";
    const schema =
      "{{ t.function.name }}{% for k, p in t.function.parameters.properties.items() %}{{ k }}: {{ names[p.type] }}{% endfor %}";
    const said = await llamaWord(`${types}{% for t in tools or [] %}${schema}{% endfor %}${ECHO}`);
    expect(said).toMatchObject({ renders: true, needsStringTypes: true });
    expect(said?.tools).toBeUndefined();
  });

  it("is that tools are refused without Jinja, whatever it says that the template can", async () => {
    await using server = await LlamaServer.start(PROGRAM ?? "", ["--no-jinja"]);
    expect(await wordAt(server.url)).toMatchObject({ renders: true, tools: false });
  });
});

/** The model that ships with the agent, with another template, which is no longer than its own. */
function modelWith(template: string): string {
  const bytes = readFileSync(PICO);
  const key = Buffer.from("tokenizer.chat_template");
  // Behind the key come the type of the value, its length and its bytes.
  const at = bytes.indexOf(key) + key.length + 4;
  bytes.write(template.padEnd(Number(bytes.readBigUInt64LE(at))), at + 8);
  const folder = mkdtempSync(join(tmpdir(), "hearth-model-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "pico.gguf");
  writeFileSync(path, bytes);
  return path;
}

async function engineWord(modelPath: string): Promise<ServerWord | undefined> {
  const log = createLogger("silent");
  const options = { modelPath, modelId: "pico", clock: systemClock, rng: { next: () => 0 }, log };
  const engine = await EmbeddedBackend.start(options, signal);
  try {
    const status = await engine.probe(signal);
    const source = status.type === "reachable" ? status.sources.get("pico") : undefined;
    expect(source?.path).toBe(modelPath);
    return source?.renderer && (await askServer(source.renderer.ask, systemClock, signal));
  } finally {
    await engine.stop();
  }
}

describe("the embedded engine's word", () => {
  it("is that its own model's template renders, with tools", async () => {
    const anywhere = { systemAnywhere: false, turnsAnywhere: true };
    const said = { renders: true, needsStringTypes: false, ...anywhere, complete: true };
    expect(await engineWord(PICO)).toEqual(said);
  });

  it("is that nothing renders with a template that it cannot use", async () => {
    expect(await engineWord(modelWith("{% if"))).toEqual({ renders: false, complete: true });
    expect(await engineWord(modelWith('{{ raise_exception("never") }}'))).toEqual({ renders: false, complete: true });
  });
});
