import { mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { randomText } from "@hearth/platform";
import { z } from "zod";
import { readBounded } from "./bounded-file.js";

/** What a file looks like from outside: as long as this stays, its content is taken to stay. */
export interface FileStamp {
  readonly size: number;
  /** Nanoseconds since 1970, as decimal digits: a number does not hold them. */
  readonly mtimeNs: string;
}

/** @returns `undefined` when it is no file. @throws Error when there is nothing of that name */
export async function readStamp(path: string): Promise<FileStamp | undefined> {
  const found = await stat(path, { bigint: true });
  return found.isFile() ? { size: Number(found.size), mtimeNs: String(found.mtimeNs) } : undefined;
}

const MAX_CACHE_BYTES = 4 * 1024 * 1024;
/** The files that were asked for last are kept. */
const MAX_ENTRIES = 2_000;

const entrySchema = z.object({
  size: z.number().int().min(0),
  mtimeNs: z.string().regex(/^\d{1,20}$/),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
const cacheSchema = z.object({ version: z.literal(1), files: z.record(z.string(), entrySchema) });

type Entry = z.infer<typeof entrySchema>;

/** Digests of files, kept in a JSON file. One that is damaged counts as empty: all it holds can be computed again. */
export class HashCache {
  readonly #path: string;
  #entries: Promise<Map<string, Entry>> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  async get(path: string, { size, mtimeNs }: FileStamp): Promise<string | undefined> {
    const entries = await this.#load();
    const entry = entries.get(path);
    if (entry === undefined || entry.size !== size || entry.mtimeNs !== mtimeNs) return undefined;
    // The most recently used come last.
    entries.delete(path);
    entries.set(path, entry);
    return entry.sha256;
  }

  /** Keeps a digest. Where the file cannot be written, it is kept until the process ends. */
  async put(path: string, { size, mtimeNs }: FileStamp, sha256: string): Promise<void> {
    const entries = await this.#load();
    entries.delete(path);
    entries.set(path, { size, mtimeNs, sha256 });
    for (const oldest of entries.keys()) {
      if (entries.size <= MAX_ENTRIES) break;
      entries.delete(oldest);
    }
    await this.#save(entries);
  }

  #load(): Promise<Map<string, Entry>> {
    this.#entries ??= readEntries(this.#path);
    return this.#entries;
  }

  async #save(entries: ReadonlyMap<string, Entry>): Promise<void> {
    const draft = `${this.#path}.${randomText(6)}`;
    try {
      await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
      const content = { version: 1, files: Object.fromEntries(entries) };
      await writeFile(draft, JSON.stringify(content), { mode: 0o600, flag: "wx" });
      await rename(draft, this.#path);
    } catch {
      await rm(draft, { force: true }).catch(() => {});
    }
  }
}

async function readEntries(path: string): Promise<Map<string, Entry>> {
  const content = await readBounded(path, MAX_CACHE_BYTES);
  if (content.type !== "read") return new Map();
  try {
    return new Map(Object.entries(cacheSchema.parse(JSON.parse(content.text)).files));
  } catch {
    return new Map();
  }
}
