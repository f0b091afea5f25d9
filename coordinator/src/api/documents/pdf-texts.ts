import { Worker } from "node:worker_threads";
import { type Clock, repeat } from "@hearth/platform";
import { HearthError, invalidMember } from "../../platform/errors.js";
import type { PdfReading, PdfTask } from "./pdf-worker.js";

/** Built, also where this file runs from its source: a thread of Node's reads no TypeScript. */
const PROGRAM = new URL("../../../dist/api/documents/pdf-worker.js", import.meta.url);

/** What reading PDFs may cost. */
export interface PdfBounds {
  /** Documents of one request. */
  readonly documents: number;
  /** Pages of one document. Anthropic takes 600. */
  readonly pages: number;
  /** Characters of all documents of a request: more than any model's context. */
  readonly characters: number;
  /** How long the documents of a request may take, ms. */
  readonly timeMs: number;
  /** Memory of a thread's own heap, MiB. */
  readonly heapMb: number;
  /** By how much the process may grow meanwhile, MiB: what a document unpacks to is not on the heap. */
  readonly growthMb: number;
  /** Requests whose documents are read at once, each in a thread. */
  readonly threads: number;
  /** Requests that wait for a thread. */
  readonly waiting: number;
}

export const DEFAULT_PDF_BOUNDS: PdfBounds = {
  documents: 20,
  pages: 600,
  characters: 4_000_000,
  timeMs: 20_000,
  heapMb: 256,
  growthMb: 512,
  threads: 2,
  waiting: 16,
};

/** How often it is looked how far the process has grown, ms. Unpacking fills some ten MiB in that time. */
const LOOK_MS = 50;

const MIB = 1024 * 1024;

/** Why documents were not read to the end. */
type Excess = "time" | "memory";

/** A document, and where it stands in the request. */
export interface PdfDocument {
  readonly base64: string;
  readonly param: string;
}

/** Reads the text of PDFs, each request's in a thread of its own, which goes with all that a document did to it. */
export class PdfTexts {
  readonly #bounds: PdfBounds;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(bounds: PdfBounds = DEFAULT_PDF_BOUNDS) {
    this.#bounds = bounds;
  }

  /**
   * @returns the texts in the order of the documents
   * @throws HearthError `invalid_request` with the place of a document that has no text or more than may be read;
   *   `queue_full` where too many wait
   */
  async read(documents: readonly PdfDocument[], clock: Clock): Promise<readonly string[]> {
    const [first] = documents;
    if (first === undefined) return [];
    const excess = documents[this.#bounds.documents];
    if (excess !== undefined)
      throw refusal(excess, `more than ${this.#bounds.documents} PDFs in a request are not read`);
    await this.#enter();
    try {
      const readings = await this.#inThread(documents, clock);
      if (typeof readings === "string")
        throw refusal(first, `reading it takes more ${readings} than a request may have`);
      return this.#texts(documents, readings);
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  async #enter(): Promise<void> {
    if (this.#running >= this.#bounds.threads) {
      if (this.#waiting.length >= this.#bounds.waiting) {
        throw new HearthError("queue_full", "Too many PDFs are being read now.", { retryAfterSeconds: 5 });
      }
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
    this.#running += 1;
  }

  #inThread(documents: readonly PdfDocument[], clock: Clock): Promise<readonly PdfReading[] | Excess> {
    const { pages: maxPages, timeMs, heapMb, growthMb } = this.#bounds;
    // Memory of their own, which the thread takes over.
    const bytes = documents.map(({ base64 }) => new Uint8Array(Buffer.from(base64, "base64")));
    const task: PdfTask = { documents: bytes, maxPages };
    const worker = new Worker(PROGRAM, {
      workerData: task,
      transferList: bytes.map(({ buffer }) => buffer),
      resourceLimits: { maxOldGenerationSizeMb: heapMb },
      execArgv: [],
      env: {},
      name: "pdf",
    });
    const before = process.memoryUsage.rss();
    return new Promise((resolve) => {
      const timer = clock.setTimer(timeMs, () => end("time"));
      const watch = repeat(clock, LOOK_MS, () => {
        if (process.memoryUsage.rss() - before > growthMb * MIB) end("memory");
      });
      const end = (result: readonly PdfReading[] | Excess): void => {
        timer[Symbol.dispose]();
        watch[Symbol.dispose]();
        resolve(result);
        void worker.terminate();
      };
      worker.on("message", (readings: readonly PdfReading[]) => end(readings));
      // Whatever is wrong with a document is told; a thread dies of its heap's bound.
      worker.on("error", () => end("memory"));
      worker.on("exit", () => end("memory"));
    });
  }

  #texts(documents: readonly PdfDocument[], readings: readonly PdfReading[]): readonly string[] {
    let left = this.#bounds.characters;
    return documents.map((document, index) => {
      const text = textOf(document, readings[index] ?? { type: "unreadable" });
      left -= text.length;
      if (left < 0) throw refusal(document, "the request's PDFs hold more text than any model reads");
      return text;
    });
  }
}

/** All requests share its threads. */
export const PDF_TEXTS: PdfTexts = new PdfTexts();

function textOf(document: PdfDocument, reading: PdfReading): string {
  switch (reading.type) {
    case "read":
      return reading.text;
    case "no_text":
      throw refusal(document, "the PDF has no text: its pages are pictures, which are to be sent as images");
    case "too_long":
      throw refusal(document, `the PDF has ${reading.pages} pages, which is more than are read`);
    case "unreadable":
      throw refusal(document, "it cannot be read as a PDF");
  }
}

function refusal({ param }: PdfDocument, why: string): HearthError {
  return invalidMember(param, why);
}
