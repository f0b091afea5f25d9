import { describe, expect, it } from "vitest";
import { ResponseReader } from "./response-reader.js";

function read(parts: readonly (string | Buffer)[]): { found: string[]; midway: boolean } {
  const found: string[] = [];
  let body = "";
  const reader = new ResponseReader({
    head: (status, type) => found.push(`${status} ${type}`),
    body: (bytes) => {
      body += bytes.toString();
    },
    end: () => {
      found.push(body);
      body = "";
    },
  });
  for (const part of parts) reader.push(Buffer.from(part));
  return { found, midway: reader.midway };
}

const WITH_LENGTH =
  'HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 7\r\n\r\n{"a":1}';
const CHUNKED =
  "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nC\r\n chunked\r\nly\r\n0\r\n\r\n";

describe("ResponseReader", () => {
  it("reads a body with a length and a chunked one, one after another on a connection", () => {
    expect(read([WITH_LENGTH + CHUNKED + WITH_LENGTH])).toEqual({
      found: [
        "200 application/json",
        '{"a":1}',
        "200 text/event-stream",
        "hello chunked\r\nly",
        "200 application/json",
        '{"a":1}',
      ],
      midway: false,
    });
  });

  it("finds the same whatever pieces the bytes arrive in", () => {
    const whole = Buffer.from(WITH_LENGTH + CHUNKED);
    const expected = read([whole]);
    for (let size = 1; size < 40; size += 1) {
      const parts = Array.from({ length: Math.ceil(whole.length / size) }, (_, index) =>
        whole.subarray(index * size, (index + 1) * size),
      );
      expect(read(parts)).toEqual(expected);
    }
  });

  it("knows that a response has not ended", () => {
    for (const cut of [20, WITH_LENGTH.length - 1]) expect(read([WITH_LENGTH.slice(0, cut)]).midway).toBe(true);
    for (const cut of [90, CHUNKED.length - 2]) expect(read([CHUNKED.slice(0, cut)]).midway).toBe(true);
  });

  it("ends a response that has no body", () => {
    expect(read(["HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"])).toEqual({ found: ["503 ", ""], midway: false });
  });

  it("refuses what is no response", () => {
    expect(() => read(["GET / HTTP/1.1\r\n\r\n"])).toThrow("no HTTP/1.1 status line");
    expect(() => read(["HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"])).toThrow("a body without a length");
    expect(() => read([CHUNKED.replace("5\r\n", "4\r\n")])).toThrow("chunk longer than its size");
    expect(() => read([CHUNKED.replace("5\r\n", "x\r\n")])).toThrow("no chunk size");
  });
});
