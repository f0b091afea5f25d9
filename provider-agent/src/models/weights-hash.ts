import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { basename } from "node:path";
import { type Clock, describeFault, sleep } from "@hearth/platform";
import { type FileStamp, HashCache, readStamp } from "./hash-cache.js";

/** Bytes read at a time: some 2 ms of work, after which all else that the process has to do comes first. */
const CHUNK_BYTES = 1024 * 1024;

export type WeightsHash =
  /** 64 lower-case hexadecimal digits. */
  | { readonly type: "hashed"; readonly sha256: string }
  | { readonly type: "cancelled" }
  /** `problem` is a short phrase, like `ENOENT`. */
  | { readonly type: "failed"; readonly problem: string };

export interface HasherOptions {
  /** The JSON file that keeps what was computed. */
  readonly cachePath: string;
  readonly clock: Clock;
  /** `gentle` rests as long as it works, for a machine that its owner uses. */
  readonly pace: "gentle" | "full";
}

export interface HashProgress {
  readonly doneBytes: number;
  readonly totalBytes: number;
}

/**
 * The SHA-256 of a model's weights. For one file it is the file's own, as `sha256sum` prints it. For several it is that
 * of the text which `sha256sum` prints for them in the order of their names, without folders: a line
 * `DIGEST␠␠NAME\n` for each. So `(cd FOLDER && LC_ALL=C sha256sum *.safetensors | sha256sum)` finds the same.
 */
export class WeightsHasher {
  readonly #options: HasherOptions;
  readonly #cache: HashCache;
  /** The end of the last hash in the queue: a disk is read by one at a time. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: HasherOptions) {
    this.#options = options;
    this.#cache = new HashCache(options.cachePath);
  }

  /** What is known without reading a weight. @returns `undefined` when any of the files is new or has changed */
  async known(files: readonly string[]): Promise<string | undefined> {
    const digests = new Map<string, string>();
    for (const path of files) {
      const stamp = await stampOf(path);
      const digest = typeof stamp === "string" ? undefined : await this.#cache.get(path, stamp);
      if (digest === undefined) return undefined;
      digests.set(path, digest);
    }
    return digests.size === 0 ? undefined : combine(digests);
  }

  /** Computes what is not known, when those who asked before have their answers. Never rejects. */
  hash(
    files: readonly string[],
    signal: AbortSignal,
    onProgress: (progress: HashProgress) => void = () => {},
  ): Promise<WeightsHash> {
    const turn = this.#last.then(() => this.#hashAll(files, signal, onProgress));
    this.#last = turn;
    return turn;
  }

  async #hashAll(
    files: readonly string[],
    signal: AbortSignal,
    onProgress: (progress: HashProgress) => void,
  ): Promise<WeightsHash> {
    if (files.length === 0) return { type: "failed", problem: "it has no weights" };
    const stamps = await Promise.all(files.map(stampOf));
    const totalBytes = stamps.reduce((sum, stamp) => sum + (typeof stamp === "string" ? 0 : stamp.size), 0);
    const digests = new Map<string, string>();
    let before = 0;
    for (const [index, path] of files.entries()) {
      const stamp = stamps[index] ?? "it cannot be read";
      if (typeof stamp === "string") return { type: "failed", problem: stamp };
      const report = (bytes: number): void => onProgress({ doneBytes: before + bytes, totalBytes });
      const digest =
        (await this.#cache.get(path, stamp)) ??
        (await this.#hashFile(path, stamp, { signal, sizeBytes: stamp.size, report }));
      if (typeof digest !== "string") return digest;
      digests.set(path, digest);
      before += stamp.size;
    }
    return { type: "hashed", sha256: combine(digests) };
  }

  async #hashFile(path: string, stamp: FileStamp, reading: Reading): Promise<string | WeightsHash> {
    try {
      const digest = await digestFile(path, reading, this.#options);
      if (digest === undefined) return { type: "cancelled" };
      const after = await stampOf(path);
      if (typeof after === "string" || after.size !== stamp.size || after.mtimeNs !== stamp.mtimeNs) {
        return { type: "failed", problem: "it changed while it was read" };
      }
      await this.#cache.put(path, stamp, digest);
      return digest;
    } catch (error) {
      return { type: "failed", problem: describeFault(error).code ?? "it cannot be read" };
    }
  }
}

interface Reading {
  readonly signal: AbortSignal;
  readonly sizeBytes: number;
  readonly report: (bytes: number) => void;
}

/** @returns `undefined` when the signal aborts */
async function digestFile(
  path: string,
  { signal, sizeBytes, report }: Reading,
  { clock, pace }: HasherOptions,
): Promise<string | undefined> {
  const file: FileHandle = await open(path, "r");
  try {
    const hash = createHash("sha256");
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    // No further than it went when it was measured: a file that grows would never end.
    for (let done = 0; done < sizeBytes; ) {
      if (signal.aborted) return undefined;
      const startedAt = clock.now();
      const { bytesRead } = await file.read(buffer, 0, Math.min(CHUNK_BYTES, sizeBytes - done), done);
      if (bytesRead === 0) break;
      hash.update(buffer.subarray(0, bytesRead));
      done += bytesRead;
      report(done);
      if (pace === "gentle") await sleep(clock, clock.now() - startedAt, signal);
    }
    return hash.digest("hex");
  } finally {
    await file.close();
  }
}

async function stampOf(path: string): Promise<FileStamp | string> {
  try {
    return (await readStamp(path)) ?? "it is no file";
  } catch (error) {
    return describeFault(error).code ?? "it cannot be read";
  }
}

function combine(digests: ReadonlyMap<string, string>): string {
  const [only] = digests.values();
  if (digests.size === 1 && only !== undefined) return only;
  const lines = [...digests].map(([path, digest]) => ({ name: basename(path), digest }));
  lines.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
  return createHash("sha256")
    .update(lines.map(({ name, digest }) => `${digest}  ${name}\n`).join(""))
    .digest("hex");
}
