import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { readBounded } from "./bounded-file.js";
import {
  type ChatTemplate,
  type ChatTemplates,
  DEFAULT_TEMPLATE,
  MAX_TEMPLATE_CHARS,
  MAX_TEMPLATES,
} from "./chat-template.js";
import { readGgufMetadata } from "./gguf-metadata.js";

/** A tokenizer's configuration lists every added token; the largest in use have some 200 KB. */
const MAX_CONFIG_BYTES = 16 * 1024 * 1024;

const JINJA_FILE = "chat_template.jinja";
const JINJA_FOLDER = "additional_chat_templates";
const TOKENIZER_FILE = "tokenizer_config.json";

/** A string, a named list, or an object by name: all three are in use. */
const templateSchema = z.union([
  z.string().transform((source) => [{ name: DEFAULT_TEMPLATE, source }]),
  z
    .array(z.object({ name: z.string().max(256), template: z.string() }))
    .transform((list) => list.map(({ name, template: source }) => ({ name, source }))),
  z
    .record(z.string().max(256), z.string())
    .transform((byName) => Object.entries(byName).map(([name, source]) => ({ name, source }))),
]);

/** A token as text or as the object of an added token; no token is `null`. */
const tokenSchema = z.union([z.string(), z.object({ content: z.string() }).transform(({ content }) => content)]);

/** A Hugging Face or MLX folder, or a GGUF file. */
export type TemplateSource = { readonly type: "folder" | "gguf"; readonly path: string };

/** Collects every chat template that a model ships. Never rejects: what cannot be read is among the problems. */
export async function readChatTemplates({ type, path }: TemplateSource): Promise<ChatTemplates> {
  switch (type) {
    case "folder":
      return await new FolderTemplates(path).read();
    case "gguf": {
      const reading = await readGgufMetadata(path);
      if (reading.type === "read") return { ...reading.metadata, problems: [] };
      return { templates: [], specialTokens: {}, problems: [`The file cannot be read: ${reading.problem}.`] };
    }
  }
}

/** Reads one folder. Where the default template is in several files, transformers takes the first of this order. */
class FolderTemplates {
  readonly #folder: string;
  readonly #templates: ChatTemplate[] = [];
  readonly #problems: string[] = [];

  constructor(folder: string) {
    this.#folder = folder;
  }

  async read(): Promise<ChatTemplates> {
    await this.#readJinja(JINJA_FILE, DEFAULT_TEMPLATE);
    const names = await jinjaFiles(join(this.#folder, JINJA_FOLDER));
    for (const name of names) await this.#readJinja(join(JINJA_FOLDER, `${name}.jinja`), name);
    this.#addFrom("chat_template.json", await this.#readJson("chat_template.json"));
    const tokenizer = await this.#readJson(TOKENIZER_FILE);
    this.#addFrom(TOKENIZER_FILE, tokenizer);
    const specialTokens = { ...tokensOf(await this.#readJson("special_tokens_map.json")), ...tokensOf(tokenizer) };
    return { templates: this.#templates, specialTokens, problems: this.#problems };
  }

  async #readJinja(file: string, name: string): Promise<void> {
    const source = await this.#readText(file);
    if (source !== undefined) this.#add({ name, origin: file, source });
  }

  async #readJson(file: string): Promise<Readonly<Record<string, unknown>>> {
    const text = await this.#readText(file);
    if (text === undefined) return {};
    const parsed = z.record(z.string(), z.unknown()).safeParse(parseJson(text));
    if (!parsed.success) this.#problems.push(`${file} holds no JSON object.`);
    return parsed.data ?? {};
  }

  async #readText(file: string): Promise<string | undefined> {
    const content = await readBounded(join(this.#folder, file), MAX_CONFIG_BYTES);
    if (content.type === "unreadable") this.#problems.push(`${file} cannot be read: ${content.problem}.`);
    return content.type === "read" ? content.text : undefined;
  }

  #addFrom(file: string, config: Readonly<Record<string, unknown>>): void {
    const value = config["chat_template"];
    if (value === undefined || value === null) return;
    const parsed = templateSchema.safeParse(value);
    if (!parsed.success) this.#problems.push(`The chat_template in ${file} is neither text nor a list of templates.`);
    for (const template of parsed.data ?? []) this.#add({ ...template, origin: file });
  }

  #add(template: ChatTemplate): void {
    const { name, origin, source } = template;
    if (this.#templates.some((other) => other.name === name && other.source === source)) return;
    if (source.length > MAX_TEMPLATE_CHARS) this.#problems.push(`The template ${name} in ${origin} is too long.`);
    else if (this.#templates.length === MAX_TEMPLATES) this.#problems.push(`The template ${name} is one too many.`);
    else this.#templates.push(template);
  }
}

async function jinjaFiles(folder: string): Promise<string[]> {
  try {
    const files = await readdir(folder);
    return files
      .filter((file) => file.endsWith(".jinja"))
      .sort()
      .slice(0, MAX_TEMPLATES + 1)
      .map((file) => file.slice(0, -".jinja".length));
  } catch {
    return [];
  }
}

function tokensOf(config: Readonly<Record<string, unknown>>): Record<string, string> {
  const tokens: Record<string, string> = {};
  for (const [name, value] of Object.entries(config)) {
    const token = /^[a-z_]{1,32}_token$/.test(name) ? tokenSchema.safeParse(value).data : undefined;
    if (token !== undefined && token.length <= 1024) tokens[name] = token;
  }
  return tokens;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
