import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, join, relative, sep } from "node:path";
import { describeFault } from "@hearth/platform";
import { readBounded } from "./bounded-file.js";
import { groupGgufFiles } from "./gguf-files.js";
import { readFolderFacts, weightFiles } from "./model-folder.js";

/** A model on this machine's disk. */
export interface ScannedModel {
  /** A GGUF file's name without its ending, or a folder's name with that of its publisher. */
  readonly id: string;
  readonly format: "gguf" | "safetensors";
  /** The file (the first, if split), or the folder. */
  readonly path: string;
  /** Absolute paths of the weights. */
  readonly files: readonly string[];
  readonly weightsBytes: number;
  /** The file that makes tokens of its pictures. */
  readonly projector: string | undefined;
  readonly vision: boolean;
}

export interface ScanProblem {
  readonly path: string;
  /** A short phrase, like `EACCES`. */
  readonly problem: string;
}

export interface ScanReport {
  readonly models: readonly ScannedModel[];
  readonly problems: readonly ScanProblem[];
  /** The scan is incomplete: there was too much, or it was cancelled. */
  readonly truncated: boolean;
}

export interface ScanOptions {
  /** Folders; those that do not exist are passed over. */
  readonly places: readonly string[];
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { readonly folders: number; readonly models: number }) => void;
}

/** LM Studio's models are two folders deep, those of a hub cache three. */
const MAX_DEPTH = 8;
const MAX_FOLDERS = 5_000;
const MAX_MODELS = 1_000;
const MAX_PROBLEMS = 100;

/** Looks for models. Never rejects: what cannot be read is reported. */
export async function scanModels(options: ScanOptions): Promise<ScanReport> {
  return await new Scan(options).run();
}

interface Visit {
  readonly folder: string;
  readonly depth: number;
  /** What a model of this folder is called. */
  readonly id: string;
}

class Scan {
  readonly #options: ScanOptions;
  readonly #models = new Map<string, ScannedModel>();
  readonly #problems: ScanProblem[] = [];
  /** Folders by device and inode: links may lead in circles, and to a place twice. */
  readonly #seen = new Set<string>();
  #truncated = false;

  constructor(options: ScanOptions) {
    this.#options = options;
  }

  async run(): Promise<ScanReport> {
    for (const place of this.#options.places) await this.#walk(place);
    return { models: [...this.#models.values()], problems: this.#problems, truncated: this.#truncated };
  }

  async #walk(place: string): Promise<void> {
    const waiting: Visit[] = [{ folder: place, depth: 0, id: basename(place) }];
    for (let visit = waiting.shift(); visit !== undefined; visit = waiting.shift()) {
      if (this.#options.signal?.aborted || this.#seen.size >= MAX_FOLDERS || this.#models.size >= MAX_MODELS) {
        this.#truncated = true;
        return;
      }
      waiting.push(...(await this.#visit(visit, place)));
      this.#options.onProgress?.({ folders: this.#seen.size, models: this.#models.size });
    }
  }

  /** @returns the folders in it that are to be visited */
  async #visit(visit: Visit, place: string): Promise<Visit[]> {
    const entries = await this.#list(visit);
    if (entries === undefined) return [];
    const names = entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
    if (await this.#takeFolder(visit, names)) return [];
    await this.#takeGguf(visit.folder, names);
    const folders = entries.filter((entry) => entry.isDirectory() || entry.isSymbolicLink()).map(({ name }) => name);
    if (folders.length === 0) return [];
    if (visit.depth >= MAX_DEPTH) {
      this.#truncated = true;
      return [];
    }
    const repository = hubRepository(visit.folder);
    if (repository !== undefined) return await this.#snapshots(visit, repository);
    return folders
      .filter((name) => !name.startsWith(".") && !/\.(?:gguf|safetensors|json|jinja)$/i.test(name))
      .map((name): Visit => {
        const folder = join(visit.folder, name);
        return { folder, depth: visit.depth + 1, id: relative(place, folder).split(sep).slice(-2).join("/") };
      });
  }

  /** Lists a folder that was not seen before. */
  async #list({ folder, depth }: Visit): Promise<Dirent[] | undefined> {
    try {
      const { dev, ino } = await stat(folder, { bigint: true });
      const key = `${dev}:${ino}`;
      if (this.#seen.has(key)) return undefined;
      const entries = await readdir(folder, { withFileTypes: true });
      this.#seen.add(key);
      return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    } catch (error) {
      const { code } = describeFault(error);
      // A place need not exist; and below it, a link to a file was taken for one to a folder.
      const expected = depth === 0 ? "ENOENT" : "ENOTDIR";
      if (code !== expected) this.#report(folder, code ?? "it cannot be read");
      return undefined;
    }
  }

  /** What a hub cache's repository has checked out: what `main` stands for, or else all. */
  async #snapshots({ folder, depth }: Visit, id: string): Promise<Visit[]> {
    const main = await readBounded(join(folder, "refs", "main"), 256);
    const parent = join(folder, "snapshots");
    const revisions: string[] = await readdir(parent).catch(() => []);
    const current = main.type === "read" ? main.text.trim() : "";
    const chosen = revisions.includes(current) ? [current] : revisions;
    return chosen.map((revision): Visit => ({ folder: join(parent, revision), depth: depth + 2, id }));
  }

  async #takeFolder({ folder, id }: Visit, names: readonly string[]): Promise<boolean> {
    if (!names.includes("config.json") || !names.some((name) => name.endsWith(".safetensors"))) return false;
    const files = (await weightFiles(folder, names)).map((name) => join(folder, name));
    const facts = await readFolderFacts(folder);
    if (facts === undefined) this.#report(join(folder, "config.json"), "it is no configuration");
    const vision = facts?.vision ?? false;
    await this.#take({ id, format: "safetensors", path: folder, files, projector: undefined, vision });
    return true;
  }

  async #takeGguf(folder: string, names: readonly string[]): Promise<void> {
    const { models, projectors } = groupGgufFiles(names);
    const projector = projectors[0] === undefined ? undefined : join(folder, projectors[0]);
    for (const { name: id, files: own, missing } of models) {
      const files = own.map((file) => join(folder, file));
      const path = files[0] ?? folder;
      if (missing > 0) this.#report(path, `${missing} of its parts are missing`);
      else await this.#take({ id, format: "gguf", path, files, projector, vision: projector !== undefined });
    }
  }

  async #take(model: Omit<ScannedModel, "weightsBytes">): Promise<void> {
    try {
      const sizes = await Promise.all(model.files.map(async (file) => (await stat(file)).size));
      const weightsBytes = sizes.reduce((sum, size) => sum + size, 0);
      this.#models.set(model.path, { ...model, weightsBytes });
    } catch (error) {
      // A hub cache's links lead nowhere while a download is under way.
      this.#report(model.path, describeFault(error).code ?? "it cannot be read");
    }
  }

  #report(path: string, problem: string): void {
    if (this.#problems.length < MAX_PROBLEMS) this.#problems.push({ path, problem });
  }
}

/** `models--ORGANISATION--NAME` in a hub cache is `ORGANISATION/NAME`. */
function hubRepository(folder: string): string | undefined {
  const name = basename(folder);
  return name.startsWith("models--") ? name.slice("models--".length).split("--").join("/") : undefined;
}
