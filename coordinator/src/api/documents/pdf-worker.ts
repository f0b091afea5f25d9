import { parentPort, workerData } from "node:worker_threads";
import { extractText, getDocumentProxy } from "unpdf";

/** What the thread is started with. */
export interface PdfTask {
  readonly documents: readonly Uint8Array[];
  readonly maxPages: number;
}

/** What became of one document. */
export type PdfReading =
  | { readonly type: "read"; readonly text: string }
  /** Its pages are pictures. */
  | { readonly type: "no_text" }
  | { readonly type: "too_long"; readonly pages: number }
  /** It is no PDF, is broken, or needs a password. */
  | { readonly type: "unreadable" };

/** Of pdf.js: errors only, and those are not told either, because they quote the document. */
const QUIET = 0;

const { documents, maxPages } = workerData as PdfTask;
const readings: PdfReading[] = [];
for (const bytes of documents) readings.push(await read(bytes));
parentPort?.postMessage(readings);

async function read(bytes: Uint8Array): Promise<PdfReading> {
  try {
    // Nothing in a document is run, and nothing is fetched for it.
    const options = { isEvalSupported: false, useWorkerFetch: false, verbosity: QUIET };
    const pdf = await getDocumentProxy(bytes, options);
    if (pdf.numPages > maxPages) return { type: "too_long", pages: pdf.numPages };
    const { text: pages } = await extractText(pdf, { mergePages: false });
    const text = pages.map((page) => page.trim()).filter((page) => page !== "");
    return text.length === 0 ? { type: "no_text" } : { type: "read", text: text.join("\n\n") };
  } catch {
    return { type: "unreadable" };
  }
}
