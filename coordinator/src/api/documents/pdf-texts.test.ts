import { describe, expect, it } from "vitest";
import { systemClock } from "../../platform/clock.js";
import { packedPdf, pdfOf } from "../../testing/pdf.js";
import { DEFAULT_PDF_BOUNDS, type PdfBounds, PdfTexts } from "./pdf-texts.js";

const reading = (bounds: Partial<PdfBounds>, clock: Pick<typeof systemClock, "setTimer">, ...pdfs: readonly Buffer[]) =>
  new PdfTexts({ ...DEFAULT_PDF_BOUNDS, ...bounds }).read(
    pdfs.map((pdf, index) => ({ base64: pdf.toString("base64"), param: `at[${index}]` })),
    { now: () => 0, wallTime: () => 0, setTimer: (ms, fire) => clock.setTimer(ms, fire) },
  );
const read = (...pdfs: readonly Buffer[]) => reading({}, systemClock, ...pdfs);
const readWithin = (bounds: Partial<PdfBounds>, ...pdfs: readonly Buffer[]) => reading(bounds, systemClock, ...pdfs);
const refused = (param: string, words: RegExp) =>
  expect.objectContaining({
    code: "invalid_request",
    details: { param },
    message: expect.stringMatching(words),
  });

it("reads the text of PDFs, page by page, in their order", async () => {
  expect(await read()).toEqual([]);
  expect(await read(pdfOf("Tide table", "", "High at 12:34"), pdfOf("Second"))).toEqual([
    "Tide table\n\nHigh at 12:34",
    "Second",
  ]);
});

it.each([
  ["no PDF", Buffer.from("hello"), /cannot be read as a PDF/],
  ["half of one", pdfOf("Tide table").subarray(0, 40), /cannot be read as a PDF/],
  ["pictures only", pdfOf("", ""), /no text/],
])("refuses what has no text by its place: %s", async (_name, pdf, words) => {
  await expect(read(pdfOf("fine"), pdf)).rejects.toEqual(refused("at[1]", words));
});

describe("the bounds", () => {
  it("are of pages, documents and characters", async () => {
    await expect(readWithin({ pages: 1 }, pdfOf("a", "b"))).rejects.toEqual(refused("at[0]", /2 pages/));
    await expect(readWithin({ documents: 1 }, pdfOf("a"), pdfOf("b"))).rejects.toEqual(refused("at[1]", /more than 1/));
    await expect(readWithin({ characters: 5 }, pdfOf("abc"), pdfOf("def"))).rejects.toEqual(
      refused("at[1]", /more text/),
    );
  });

  it("are of time", async () => {
    const setTimer = (ms: number, fire: () => void): Disposable => {
      if (ms === 7) queueMicrotask(fire);
      return { [Symbol.dispose]() {} };
    };
    await expect(reading({ timeMs: 7 }, { setTimer }, pdfOf("a"))).rejects.toEqual(refused("at[0]", /more time/));
  });

  it("are of a thread's heap, and of what is unpacked outside of it", async () => {
    await expect(readWithin({ heapMb: 1 }, pdfOf("a"))).rejects.toEqual(refused("at[0]", /more memory/));
    const unpacked = Buffer.alloc(300 * 1024 * 1024, " ");
    await expect(readWithin({ growthMb: 100 }, packedPdf(unpacked))).rejects.toEqual(refused("at[0]", /more memory/));
  });

  it("are of requests at once, and of those that wait", async () => {
    const texts = new PdfTexts({ ...DEFAULT_PDF_BOUNDS, threads: 1, waiting: 1 });
    const one = (text: string) => texts.read([{ base64: pdfOf(text).toString("base64"), param: "p" }], systemClock);
    const running = one("a");
    const waiting = one("b");
    await expect(one("c")).rejects.toMatchObject({ code: "queue_full" });
    expect(await Promise.all([running, waiting])).toEqual([["a"], ["b"]]);
    expect(await one("d")).toEqual(["d"]);
  });
});
