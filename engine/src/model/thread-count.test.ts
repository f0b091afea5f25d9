import { describe, expect, it } from "vitest";
import { defaultThreads } from "./thread-count.js";

const GIB = 1024 ** 3;

describe("defaultThreads", () => {
  it("gives a tiny model one thread on any machine", () => {
    expect(defaultThreads({ modelBytes: 2_600_000, cores: 64 })).toBe(1);
  });

  it("leaves one core to everybody else, and never gives none", () => {
    expect(defaultThreads({ modelBytes: GIB, cores: 8 })).toBe(7);
    expect(defaultThreads({ modelBytes: GIB, cores: 2 })).toBe(1);
    expect(defaultThreads({ modelBytes: GIB, cores: 1 })).toBe(1);
  });

  it("stops where memory is the bound", () => {
    expect(defaultThreads({ modelBytes: GIB, cores: 128 })).toBe(16);
  });
});
