import { FakeClock } from "@hearth/platform/testing";
import { describe, expect, it } from "vitest";
import { HearthError } from "../platform/errors.js";
import { DEFAULT_UPLOAD_LIMITS, type UploadLimits, Uploads } from "./uploads.js";

function setUp(limits: Partial<UploadLimits> = {}) {
  const clock = new FakeClock();
  return { clock, uploads: new Uploads({ ...DEFAULT_UPLOAD_LIMITS, ...limits }, clock) };
}

function errorOf(act: () => unknown): HearthError | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof HearthError) return error;
    throw error;
  }
}

describe("the number of uploads", () => {
  it("is bounded by account, and what ended makes room", () => {
    const { uploads } = setUp({ perAccount: 2 });
    const first = uploads.begin("a", 100_000);
    uploads.begin("a", undefined);
    const refused = errorOf(() => uploads.begin("a", 100_000));
    expect(refused?.code).toBe("rate_limit_exceeded");
    expect(refused?.message).toContain("2 of this account's");
    expect(errorOf(() => uploads.begin("b", 100_000))).toBeUndefined();
    first[Symbol.dispose]();
    expect(errorOf(() => uploads.begin("a", 100_000))).toBeUndefined();
  });

  it("is bounded in all", () => {
    const { uploads } = setUp({ inAll: 2 });
    for (const account of ["a", "b"]) uploads.begin(account, 100_000);
    expect(errorOf(() => uploads.begin("c", 100_000))?.code).toBe("rate_limit_exceeded");
    expect(uploads.size).toBe(2);
  });

  it("does not count small bodies", () => {
    const { uploads } = setUp({ perAccount: 1 });
    for (let i = 0; i < 100; i += 1) uploads.begin("a", 64 * 1024);
    expect(uploads.size).toBe(0);
  });
});

describe("the bytes of uploads", () => {
  it.each(["bytesPerAccount", "bytesInAll"] as const)("are bounded by %s, and are given back once", (name) => {
    const { uploads } = setUp({ [name]: 1024 * 1024 });
    const first = uploads.begin("a", undefined);
    const second = uploads.begin("a", 10); // small ones count here
    first.arrived(1024 * 1024 - 10);
    second.arrived(10);
    const refused = errorOf(() => second.arrived(1));
    expect(refused?.code).toBe("rate_limit_exceeded");
    expect(refused?.message).toContain("1 MiB");
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    expect(uploads.bytes).toBe(10);
    second.arrived(1024 * 1024 - 10);
    second[Symbol.dispose]();
    expect(uploads.bytes).toBe(0);
  });

  it("are another account's own", () => {
    const { uploads } = setUp({ bytesPerAccount: 10 });
    uploads.begin("a", undefined).arrived(10);
    expect(errorOf(() => uploads.begin("b", undefined).arrived(10))).toBeUndefined();
  });
});

describe("a body that has arrived whole", () => {
  it.each(["heldBytesPerAccount", "heldBytesInAll"] as const)(
    "is held until its request ends, within %s, and is no upload any more",
    (name) => {
      const { clock, uploads } = setUp({ [name]: 1_000, perAccount: 1, bytesPerAccount: 600 });
      const first = uploads.begin("a", 100_000);
      first.whenSlow(() => {});
      first.arrived(600);
      first.arrivedWhole();
      expect(clock.pending).toBe(0);
      expect([uploads.size, uploads.bytes, uploads.heldBytes]).toEqual([0, 0, 600]);
      const second = uploads.begin("a", 100_000);
      second.arrived(401);
      const refused = errorOf(() => second.arrivedWhole());
      expect(refused?.code).toBe("rate_limit_exceeded");
      second[Symbol.dispose]();
      first[Symbol.dispose]();
      first[Symbol.dispose]();
      expect([uploads.size, uploads.bytes, uploads.heldBytes]).toEqual([0, 0, 0]);
      const third = uploads.begin("a", 100_000);
      third.arrived(401);
      expect(errorOf(() => third.arrivedWhole())).toBeUndefined();
    },
  );
});

describe("a slow upload", () => {
  it("is told of once its average is under the rate, after the grace", () => {
    const { clock, uploads } = setUp({ graceMs: 1_000, bytesPerSecond: 100 });
    const upload = uploads.begin("a", undefined);
    const told: HearthError[] = [];
    upload.whenSlow((error) => told.push(error));
    upload.arrived(200); // worth two seconds
    clock.advance(1_000 - clock.now());
    clock.advance(2_999 - clock.now());
    expect(told).toEqual([]);
    clock.advance(3_000 - clock.now());
    expect(told.map(({ code }) => code)).toEqual(["upload_timeout"]);
    expect(clock.pending).toBe(0);
  });

  it("leaves no timer when it has ended", () => {
    const { clock, uploads } = setUp();
    const upload = uploads.begin("a", undefined);
    upload.whenSlow(() => {});
    expect(clock.pending).toBe(1);
    upload[Symbol.dispose]();
    expect(clock.pending).toBe(0);
  });
});
