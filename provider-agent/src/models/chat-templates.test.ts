import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ggufFile } from "../testing/gguf-file.js";
import { MAX_TEMPLATE_CHARS } from "./chat-template.js";
import { readChatTemplates } from "./chat-templates.js";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hearth-templates-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function put(file: string, content: unknown): void {
  const path = join(folder, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
}

const read = () => readChatTemplates({ type: "folder", path: folder });

describe("readChatTemplates", () => {
  it("finds nothing in an empty folder, and nothing wrong with it", async () => {
    expect(await read()).toEqual({ templates: [], specialTokens: {}, problems: [] });
  });

  it("collects from every file, the one in use first, and each text of a name once", async () => {
    put("chat_template.jinja", "A");
    put("additional_chat_templates/tool_use.jinja", "T");
    put("additional_chat_templates/notes.txt", "no template");
    put("chat_template.json", { chat_template: "A" });
    put("tokenizer_config.json", {
      chat_template: [
        { name: "default", template: "B" },
        { name: "rag", template: "R" },
      ],
    });
    const { templates, problems } = await read();
    expect(templates.map(({ name, origin, source }) => [name, origin, source])).toEqual([
      ["default", "chat_template.jinja", "A"],
      ["tool_use", join("additional_chat_templates", "tool_use.jinja"), "T"],
      ["default", "tokenizer_config.json", "B"],
      ["rag", "tokenizer_config.json", "R"],
    ]);
    expect(problems).toEqual([]);
  });

  it.each([
    ["text", "B", ["default"]],
    ["an object by name", { default: "B", tool_use: "T" }, ["default", "tool_use"]],
    ["nothing", null, []],
  ])("accepts %s", async (_, value, names) => {
    put("tokenizer_config.json", { chat_template: value });
    expect((await read()).templates.map(({ name }) => name)).toEqual(names);
  });

  it("takes special tokens as text and as objects of added tokens, and leaves out what is neither", async () => {
    put("special_tokens_map.json", { unk_token: "<u>", bos_token: "old" });
    put("tokenizer_config.json", {
      bos_token: { __type: "AddedToken", content: "<s>", lstrip: false },
      eos_token: "</s>",
      pad_token: null,
      sep_token: 7,
      messages_token_: "x",
      tools: "x",
    });
    expect((await read()).specialTokens).toEqual({ unk_token: "<u>", bos_token: "<s>", eos_token: "</s>" });
  });

  it("reports what is damaged and reads the rest", async () => {
    put("chat_template.json", "{ not json");
    put("tokenizer_config.json", { chat_template: 7 });
    put("chat_template.jinja", "A");
    mkdirSync(join(folder, "special_tokens_map.json"));
    const { templates, problems } = await read();
    expect(templates).toHaveLength(1);
    expect(problems).toEqual([
      "chat_template.json holds no JSON object.",
      "The chat_template in tokenizer_config.json is neither text nor a list of templates.",
      "special_tokens_map.json cannot be read: it is no file.",
    ]);
  });

  it("bounds what it takes", async () => {
    put("chat_template.jinja", "x".repeat(MAX_TEMPLATE_CHARS + 1));
    put("tokenizer_config.json", {
      chat_template: Array.from({ length: 40 }, (_, n) => ({ name: `n${n}`, template: `${n}` })),
    });
    const { templates, problems } = await read();
    expect(templates).toHaveLength(16);
    expect(problems[0]).toBe("The template default in chat_template.jinja is too long.");
  });

  it("reads those of a GGUF file, and reports one that cannot be read", async () => {
    put("a.gguf", "no");
    expect((await readChatTemplates({ type: "gguf", path: join(folder, "a.gguf") })).problems).toHaveLength(1);
    writeFileSync(join(folder, "b.gguf"), ggufFile({ values: { "tokenizer.chat_template": "G" } }));
    const { templates } = await readChatTemplates({ type: "gguf", path: join(folder, "b.gguf") });
    expect(templates).toEqual([{ name: "default", origin: "tokenizer.chat_template", source: "G" }]);
  });
});
