import { describe, expect, it } from "vitest";
import { CLOSE_CODES, closeReason, isFatalClose } from "./close-codes.js";

describe("close codes", () => {
  const entries = Object.entries(CLOSE_CODES);

  it("are unique, so that a number has one name", () => {
    expect(new Set(Object.values(CLOSE_CODES)).size).toBe(entries.length);
  });

  it("are ones an endpoint may send: RFC 6455's own or the private range", () => {
    for (const [name, code] of entries) {
      const standard = [1000, 1001, 1009, 1011].includes(code);
      expect(standard || (code >= 4000 && code <= 4999), name).toBe(true);
    }
  });

  it("translate to their names and back", () => {
    for (const [name, code] of entries) expect(closeReason(code)).toBe(name);
    for (const code of [0, 1005, 1006, 3000, 4000, 4999, Number.NaN]) expect(closeReason(code)).toBeUndefined();
  });

  it("end reconnecting only where a person must change something", () => {
    const fatal = entries.filter(([, code]) => isFatalClose(code)).map(([name]) => name);
    expect(fatal.sort()).toEqual(["unauthorized", "version_unsupported"]);
    expect(isFatalClose(1006)).toBe(false);
  });
});
