import { copyFile, type FileHandle, open } from "node:fs/promises";
import { StringDecoder } from "node:string_decoder";
import { z } from "zod";
import { microUsd } from "../platform/micro-usd.js";
import type { Extension, Posting } from "../store/ledger-store.js";

/** The journal's name in the data directory. */
export const JOURNAL_FILE = "ledger-journal";

/** What is owed to the store when it is away: docs/ledger.md, rules 20 to 22. */
export type OwedOperation =
  | { readonly type: "extend"; readonly input: Extension }
  | { readonly type: "post"; readonly input: Posting }
  | { readonly type: "void"; readonly input: { readonly id: string; readonly nowMs: number } };

const amount = z.string().transform((text) => microUsd(text));
const count = z.number().int().nonnegative();
const part = z.object({
  payer: z.enum(["consumer", "platform"]),
  account: z.string(),
  machine: z.string(),
  model: z.string(),
  attemptId: z.string(),
  gross: amount,
  promptTokens: count,
  completionTokens: count,
});
const common = { id: z.string(), nowMs: z.number() };
const extension = z.object({ ...common, max: amount, used: z.array(part), expiresAtMs: z.number() });
const posting = z.object({ ...common, parts: z.array(part), lowBalance: amount.optional() });
const line = z.discriminatedUnion("type", [
  z.object({ type: z.literal("extend"), input: extension }),
  z.object({ type: z.literal("post"), input: posting }),
  z.object({ type: z.literal("void"), input: z.object(common) }),
]);

/** A journal, or what stands in its place. */
export type OwedFile = Pick<Journal, "append" | "clear" | "close">;

/** For a coordinator that keeps nothing over a restart: what is owed is owed as long as it runs. */
export const NO_JOURNAL: OwedFile = {
  append: () => Promise.reject(new Error("This coordinator has no journal.")),
  clear: async () => {},
  close: async () => {},
};

export interface Found {
  readonly journal: OwedFile;
  /** What an earlier process has left, in its order. */
  readonly owed: readonly OwedOperation[];
  /** Lines that cannot be read. The file as it was is kept beside it, with `.unreadable` after its name. */
  readonly unreadable: number;
}

interface Waiting {
  readonly bytes: Buffer;
  readonly written: () => void;
  readonly failed: (error: unknown) => void;
}

/**
 * A file of this node's that operations are added to, each on the disk before anybody relies on it, until all of them
 * have been told elsewhere. A power cut leaves whole lines, and at most a piece of one that nobody relies on.
 */
export class Journal {
  readonly #file: FileHandle;
  readonly #maxBytes: number;
  /** Up to where the lines are whole. */
  #bytes: number;
  #waitingBytes = 0;
  /** Those that will be written together, as long as more may come. */
  #gathering: Waiting[] | undefined;
  /** All that is to be done with the file, one after the other. */
  #done: Promise<void> = Promise.resolve();

  private constructor(file: FileHandle, bytes: number, maxBytes: number) {
    this.#file = file;
    this.#bytes = bytes;
    this.#maxBytes = maxBytes;
  }

  /** @throws the file system's error */
  static async open(path: string, maxBytes: number): Promise<Found> {
    // For its owner only: it says who has spent what.
    const file = await open(path, "a+", 0o600);
    const { lines, bytes } = await wholeLines(file);
    await file.truncate(bytes);
    const read = lines.map(operationOf);
    const owed = read.filter((each) => each !== undefined);
    if (owed.length < read.length) await copyFile(path, `${path}.unreadable`);
    return { journal: new Journal(file, bytes, maxBytes), owed, unreadable: read.length - owed.length };
  }

  /** Resolves when it is on the disk. @throws the file system's error, or a RangeError for a journal that is full */
  append(operation: OwedOperation): Promise<void> {
    const bytes = Buffer.from(`${textOf(operation)}\n`);
    if (this.#bytes + this.#waitingBytes + bytes.length > this.#maxBytes) {
      return Promise.reject(new RangeError("The journal is full."));
    }
    this.#waitingBytes += bytes.length;
    const group = this.#gathering ?? this.#gather();
    return new Promise<void>((written, failed) => group.push({ bytes, written, failed }));
  }

  /** Forgets everything that was added until now, and nothing else. @throws the file system's error */
  clear(): Promise<void> {
    this.#gathering = undefined;
    const cleared = this.#done.then(() => this.#empty());
    this.#done = cleared.catch(() => {});
    return cleared;
  }

  async close(): Promise<void> {
    await this.#done;
    await this.#file.close();
  }

  #gather(): Waiting[] {
    const group: Waiting[] = [];
    this.#gathering = group;
    this.#done = this.#done.then(() => this.#writeGroup(group));
    return group;
  }

  async #writeGroup(group: readonly Waiting[]): Promise<void> {
    if (this.#gathering === group) this.#gathering = undefined;
    const bytes = Buffer.concat(group.map((each) => each.bytes));
    this.#waitingBytes -= bytes.length;
    try {
      await this.#write(bytes);
      for (const { written } of group) written();
    } catch (error) {
      for (const { failed } of group) failed(error);
    }
  }

  async #empty(): Promise<void> {
    if (this.#bytes === 0) return;
    await this.#file.truncate(0);
    await this.#file.datasync();
    this.#bytes = 0;
  }

  async #write(bytes: Buffer): Promise<void> {
    try {
      await this.#file.appendFile(bytes);
      await this.#file.datasync();
      this.#bytes += bytes.length;
    } catch (error) {
      // A full disk takes a piece first: what comes after it would be unreadable.
      await this.#file.truncate(this.#bytes).catch(() => {});
      throw error;
    }
  }
}

async function wholeLines(file: FileHandle): Promise<{ lines: readonly string[]; bytes: number }> {
  const content = Buffer.alloc((await file.stat()).size);
  for (let at = 0; at < content.length; ) {
    const { bytesRead } = await file.read(content, at, content.length - at, at);
    if (bytesRead === 0) break;
    at += bytesRead;
  }
  const bytes = content.lastIndexOf("\n") + 1;
  const text = new StringDecoder("utf8").write(content.subarray(0, bytes));
  return { lines: text.split("\n").filter((each) => each !== ""), bytes };
}

function operationOf(text: string): OwedOperation | undefined {
  try {
    return line.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function textOf(operation: OwedOperation): string {
  return JSON.stringify(operation, (_, member: unknown) => (typeof member === "bigint" ? String(member) : member));
}
