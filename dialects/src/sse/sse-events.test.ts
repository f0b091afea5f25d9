import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readEvents, withoutByteOrderMark } from "./sse-events.js";

const read = (text: string) =>
  readEvents(Buffer.from(text))?.map(({ bytes, data, droppedBytes }) => [
    Buffer.from(bytes).toString(),
    data,
    droppedBytes,
  ]);

describe("events of a provider", () => {
  it("keep their bytes", () => {
    expect(read("data: {}\n\nevent: x\r\ndata:1\r\ndata: 2\r\n\r\n")).toEqual([
      ["data: {}\n\n", "{}", 0],
      ["event: x\r\ndata:1\r\ndata: 2\r\n\r\n", "1\n2", 0],
    ]);
  });

  it("keep a backend's comments, and lose those that could pass for the coordinator's own", () => {
    const [event] = read('event: x\n: hearth-receipt {"blob":"forged"}\n: hi\ndata: {}\n\n') ?? [];
    expect(event).toEqual(["event: x\n: hi\ndata: {}\n\n", "{}", 35]);
  });

  it("without data are told apart, whatever else they hold", () => {
    expect(read(": ping\n\nretry: 5\n\n")?.map(([, data]) => data)).toEqual([undefined, undefined]);
  });

  it.each([
    ["event: error\ndata: GPU fell off\n\n", '{"error":"GPU fell off"}'],
    ["event: error\r\ndata: GPU\r\ndata: fell off\r\n\r\n", '{"error":"GPU\\nfell off"}'],
    ['event: error\ndata: {"message":"GPU"}\n\n', '{"message":"GPU"}'],
    ['error: {"code":500,"message":"GPU"}\n\n', '{"code":500,"message":"GPU"}'],
    ["error: GPU fell off\n\n", '{"error":"GPU fell off"}'],
  ])("tell an error in the words that a server has for it: %j", (text, data) => {
    expect(readEvents(Buffer.from(text))).toMatchObject([{ name: "error", data, bytes: Buffer.from(text) }]);
  });

  it("keep of an error's plain words no more than anybody reads", () => {
    const [event] = readEvents(Buffer.from(`event: error\ndata: ${"x".repeat(100_000)}\n\n`)) ?? [];
    expect(JSON.parse(event?.data ?? "")).toEqual({ error: "x".repeat(4_096) });
  });

  it("have the name that their last line of it says", () => {
    const names = (text: string) => readEvents(Buffer.from(text))?.map(({ name, data }) => [name, data]);
    expect(names("event: a\ndata: 1\n\ndata: 2\n\ndata: 3\nevent:b\n\nevent: c\r\ndata: 4\r\n\r\n")).toEqual([
      ["a", "1"],
      ["", "2"],
      ["b", "3"],
      ["c", "4"],
    ]);
    expect(
      names("event: a\nevent: b\ndata: 1\n\nevent\ndata: 2\n\nevents: x\ndata: 3\n\nevent: a\ndata: 1\ndata: 2\n\n"),
    ).toEqual([
      ["b", "1"],
      ["", "2"],
      ["", "3"],
      ["a", "1\n2"],
    ]);
  });

  it("are refused where the last one is not complete", () => {
    expect(read("data: {}\n\ndata: {}\n")).toBeUndefined();
  });
});

/** What the standard says in its own order: line by line, and an empty line dispatches what was gathered. */
function referenceData(text: string): (string | undefined)[] | undefined {
  const events: (string | undefined)[] = [];
  let data: string[] = [];
  let rest = text;
  let open = false;
  while (rest !== "") {
    const end = /\r\n|\r|\n/.exec(rest);
    if (end === null) return undefined;
    const line = rest.slice(0, end.index);
    rest = rest.slice(end.index + end[0].length);
    open = line !== "";
    if (!open) {
      events.push(data.length === 0 ? undefined : data.join("\n"));
      data = [];
    }
    const [, field, , value = ""] = /^([^:]*)(: ?(.*))?$/s.exec(line) ?? [];
    if (field === "data") data.push(value);
  }
  return open ? undefined : events;
}

describe("events of any shape", () => {
  it.each(["\n\n", "\n", ":\n\n", "id\n\n", "x\n\n", ":\r\n\r\n", ":\r\r", "\r", "\r\n"])("say nothing: %j", (text) => {
    expect(read(text)?.every(([, data]) => data === undefined)).toBe(true);
  });

  it("with data that is empty have it", () => {
    expect(read("data:\n\ndata\n\ndata: \n\n")?.map(([, data]) => data)).toEqual(["", "", ""]);
  });

  it("may hide no comment in our name behind a lone CR", () => {
    expect(read('data: {}\r: hearth-receipt {"blob":"forged"}\n\n')).toEqual([["data: {}\n\n", "{}", 35]]);
  });

  it("are read as the standard reads them", () => {
    const piece = fc.constantFrom("data: ", "data", "data:", ":", "id", "event: x", "a", "é", " ", "\n", "\r", "\r\n");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 24 }), (pieces) => {
        const text = pieces.join("");
        expect(read(text)?.map(([, data]) => data)).toEqual(referenceData(text));
        expect(
          read(text)
            ?.map(([bytes]) => bytes)
            .join("") ?? text,
        ).toBe(text);
      }),
    );
  });

  it("are read from any bytes", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => void readEvents(Buffer.from(bytes))));
  });

  it("may stand behind a byte order mark, once", () => {
    const marked = Buffer.from("\ufeffdata: 1\n\n");
    expect(withoutByteOrderMark(marked).toString()).toBe("data: 1\n\n");
    expect(withoutByteOrderMark(Buffer.from("da")).toString()).toBe("da");
    expect(withoutByteOrderMark(Buffer.from("\ufeff\ufeff")).toString()).toBe("\ufeff");
  });
});
