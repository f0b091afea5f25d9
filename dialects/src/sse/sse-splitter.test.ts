import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { readEvents, withoutByteOrderMark } from "./sse-events.js";
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
    expect(splitter.finish()).toEqual({ events: Buffer.from("data: [DONE]\n\n"), cutOff: true });
    const clean = new SseSplitter(LIMITS);
    clean.push(Buffer.from("data: a\n\n\r\n"));
    expect(clean.finish()).toBeUndefined();
  });

  it("waits for the rest of a CRLF, but not where lines end in CR alone", () => {
    const crlf = new SseSplitter(LIMITS);
    expect(crlf.push(Buffer.from("data: a\r\n\r"))).toEqual([]);
    expect(crlf.push(Buffer.from("\ndata: b\r\n\r\n"))).toEqual([Buffer.from("data: a\r\n\r\ndata: b\r\n\r\n")]);
    const cr = new SseSplitter(LIMITS);
    expect(cr.push(Buffer.from("data: a\r\r"))).toEqual([Buffer.from("data: a\r\r")]);
    expect(cr.push(Buffer.from("data: b\r\r"))).toEqual([Buffer.from("data: b\r\r")]);
    expect(cr.finish()).toBeUndefined();
  });

  it("knows at the end that an event was whole whose CR might have been half of a CRLF", () => {
    const splitter = new SseSplitter(LIMITS);
    expect(splitter.push(Buffer.from("data: a\n\r"))).toEqual([]);
    expect(splitter.finish()).toEqual({ events: Buffer.from("data: a\n\r"), cutOff: false });
  });

  it("leaves out the byte order mark at the beginning, wherever it is cut, and nothing that only begins like it", () => {
    for (const text of ["\ufeffdata: a\n\n", "\ufeff\ufeff\n\n", "data: a\n\n"]) {
      const bytes = Buffer.from(text);
      for (let cut = 0; cut <= bytes.length; cut++) {
        const splitter = new SseSplitter(LIMITS);
        const pieces = [bytes.subarray(0, cut), bytes.subarray(cut)].flatMap((part) => splitter.push(part));
        expect(Buffer.concat(pieces)).toEqual(withoutByteOrderMark(bytes));
      }
    }
    const half = new SseSplitter(LIMITS);
    half.push(Buffer.from([0xef, 0xbb]));
    expect(half.push(Buffer.from("x\n\n"))).toEqual([Buffer.from([0xef, 0xbb, 0x78, 10, 10])]);
    const only = new SseSplitter(LIMITS);
    only.push(Buffer.from([0xef]));
    expect(only.finish()).toMatchObject({ cutOff: true, events: Buffer.from([0xef, 10, 10]) });
  });

  it("finds what a reader finds that has all bytes at once, whatever ends the lines", () => {
    const piece = fc.constantFrom("data: ", "data", ":", "event: x", "a", "é", "\n", "\r", "\r\n", "\n\n", "\r\r");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 24 }), fc.array(fc.nat(), { maxLength: 8 }), (texts, cuts) => {
        const splitter = new SseSplitter(LIMITS);
        const bytes = Buffer.from(`${texts.join("")}\n\n`);
        const pieces = cutAt(bytes, cuts).flatMap((chunk) => splitter.push(chunk));
        const last = splitter.finish()?.events;
        const told = (all: readonly Uint8Array[]): (string | undefined)[] =>
          all.flatMap((each) => readEvents(Buffer.from(each))?.map(({ data }) => data) ?? ["incomplete"]);
        const said = (data: string | undefined): boolean => data !== undefined;
        expect(told(last === undefined ? pieces : [...pieces, last]).filter(said)).toEqual(told([bytes]).filter(said));
      }),
    );
  });

  it("copies each byte a few times at most, also when an event comes byte by byte", () => {
    const set = vi.spyOn(Uint8Array.prototype, "set");
    const bytes = Buffer.from(`data: ${"x".repeat(20_000)}\n\n`.repeat(3));
    const splitter = new SseSplitter(LIMITS);
    for (let at = 0; at < bytes.length; at++) splitter.push(bytes.subarray(at, at + 1));
    const copied = set.mock.calls.reduce((sum, [from]) => sum + from.length, 0);
    set.mockRestore();
    expect(copied).toBeGreaterThanOrEqual(bytes.length);
    expect(copied).toBeLessThan(3 * bytes.length);
  });
});
