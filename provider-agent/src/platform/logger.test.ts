import { describe, expect, it } from "vitest";
import { formatLogLine } from "./logger.js";

describe("a log line for people", () => {
  it("is time, level, phrase and fields", () => {
    const line = '{"level":40,"time":"2026-05-01T10:11:12.345Z","backend":"127.0.0.1:1","n":3,"p":"a b","msg":"gone"}';
    expect(formatLogLine(line)).toBe('2026-05-01 10:11:12Z warn  gone backend=127.0.0.1:1 n=3 p="a b"');
  });

  it("stays as it is when it is no JSON object", () => {
    for (const line of ["", "plain words", "{ not json", "Error: x\n"]) expect(formatLogLine(line)).toBe(line);
  });
});
