import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { EventTooLarge, SseSplitter } from "./sse-splitter.js";

const LIMITS = { eventBytes: 1_000_000, pieceBytes: 65_536 };

const line = fc.stringMatching(/^[a-zé:{}" ]{0,40}$/);
const lineEnd = fc.constantFrom("\n", "\r\n");
/** An event of one to three lines that are not empty, and its blank line; line ends as they please. */
const event = fc
  .tuple(fc.array(fc.tuple(line, lineEnd), { minLength: 1, maxLength: 3 }), lineEnd)
  .map(([lines, blank]) => lines.map(([text, end]) => `data:${text}${end}`).join("") + blank);

function cutAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, i) => bytes.subarray(places[i], end));
}

describe("the splitter", () => {
  it("finds the same events however the bytes are cut, and loses none", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 20 }), fc.array(fc.nat(), { maxLength: 30 }), (events, cuts) => {
        const splitter = new SseSplitter(LIMITS);
        const chunks = cutAt(Buffer.from(events.join("")), cuts);
        const ends: number[] = [];
        let text = "";
        for (const chunk of chunks) {
          for (const piece of splitter.push(chunk)) {
            text += Buffer.from(piece).toString("utf8");
            ends.push(text.length);
          }
        }
        expect(text).toBe(events.join(""));
        expect(splitter.finish()).toBeUndefined();
        const borders = new Set(events.map((_, i) => events.slice(0, i + 1).join("").length));
        expect(ends.every((end) => borders.has(end))).toBe(true);
      }),
    );
  });

  it("passes an event on with the chunk that completes it", () => {
    const splitter = new SseSplitter(LIMITS);
    expect(splitter.push(Buffer.from("data: a\n"))).toEqual([]);
    expect(splitter.push(Buffer.from("\ndata: b"))).toEqual([Buffer.from("data: a\n\n")]);
  });

  it("makes pieces of whole events that fit a frame, and gives a large event one of its own", () => {
    const small = `data: ${"s".repeat(1_000)}\n\n`;
    const large = `data: ${"l".repeat(100_000)}\n\n`;
    const bytes = Buffer.from(small.repeat(200) + large + small);
    const pieces = new SseSplitter(LIMITS).push(bytes);
    expect(Buffer.concat(pieces)).toEqual(bytes);
    const tooLong = pieces.filter((piece) => piece.length > LIMITS.pieceBytes);
    expect(tooLong.map((piece) => Buffer.from(piece).toString())).toEqual([large]);
    expect(pieces.length).toBeLessThanOrEqual(6);
  });

  it("refuses an event over its limit, however it arrives", () => {
    const bytes = Buffer.from(`data: ${"x".repeat(LIMITS.eventBytes)}\n\n`);
    expect(() => new SseSplitter(LIMITS).push(bytes)).toThrow(EventTooLarge);
    const splitter = new SseSplitter(LIMITS);
    expect(() => cutAt(bytes, [300_000, 600_000, 900_000]).map((part) => splitter.push(part))).toThrow(EventTooLarge);
  });

  it("completes what is left at the end, and takes bare line ends for nothing", () => {
    const splitter = new SseSplitter(LIMITS);
    splitter.push(Buffer.from("data: a\n\ndata: [DONE]"));
    expect(Buffer.from(splitter.finish() ?? []).toString()).toBe("data: [DONE]\n\n");
    const clean = new SseSplitter(LIMITS);
    clean.push(Buffer.from("data: a\n\n\r\n"));
    expect(clean.finish()).toBeUndefined();
  });

  it("copies each byte once, also when an event comes byte by byte", () => {
    const concat = vi.spyOn(Buffer, "concat");
    const bytes = Buffer.from(`data: ${"x".repeat(20_000)}\n\n`.repeat(3));
    const splitter = new SseSplitter(LIMITS);
    for (let at = 0; at < bytes.length; at++) splitter.push(bytes.subarray(at, at + 1));
    const copied = concat.mock.results.reduce((sum, { value }) => sum + (value as Buffer).length, 0);
    concat.mockRestore();
    expect(copied).toBe(bytes.length);
  });
});
