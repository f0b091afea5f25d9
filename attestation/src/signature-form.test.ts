import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { verifySignature, withLowS } from "./p256.js";
import { derToP1363, isLowS } from "./signature-form.js";

interface Suite {
  readonly testGroups: readonly {
    readonly publicKey: { readonly uncompressed: string };
    readonly tests: readonly TestCase[];
  }[];
}
interface TestCase {
  readonly tcId: number;
  readonly msg: string;
  readonly sig: string;
  readonly result: "valid" | "invalid" | "acceptable";
}

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = join(process.env["HEARTH_REFERENCE_DIR"] ?? join(root, ".cache/reference"), "wycheproof");
const file = join(folder, "ecdsa_secp256r1_sha256_test.json");
const present = existsSync(file);
// biome-ignore lint/suspicious/noConsole: whoever reads the run must see that a suite was skipped
if (!present) console.warn(`Skipping Wycheproof ECDSA: no vectors in ${folder} (set HEARTH_REFERENCE_DIR).`);

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));
const hex = (data: Uint8Array | undefined): string | undefined => data && Buffer.from(data).toString("hex");

/** The DER of two numbers, written as any length of hex. */
function der(r: string, s: string): Uint8Array {
  const integer = (value: string): string => `02${(value.length / 2).toString(16).padStart(2, "0")}${value}`;
  const content = integer(r) + integer(s);
  return bytes(`30${(content.length / 2).toString(16).padStart(2, "0")}${content}`);
}

/** A number of 32 bytes as DER writes it. */
function minimal(scalar: Uint8Array): string {
  const digits = Buffer.from(scalar)
    .toString("hex")
    .replace(/^(00)+(?=..)/, "");
  return Number.parseInt(digits.slice(0, 2), 16) >= 0x80 ? `00${digits}` : digits;
}

describe.skipIf(!present)("Wycheproof ECDSA on P-256 with SHA-256", () => {
  it("refuses every invalid signature, and takes every valid one with the lower s", () => {
    const counts = { refused: 0, accepted: 0, highS: 0 };
    const { testGroups } = JSON.parse(readFileSync(file, "utf8")) as Suite;
    for (const { publicKey, tests } of testGroups) {
      const key = bytes(publicKey.uncompressed);
      for (const { tcId, msg, sig, result } of tests) {
        const signature = derToP1363(bytes(sig));
        const holds = signature !== undefined && verifySignature(key, bytes(msg), signature);
        if (result !== "valid") {
          const lowered = signature !== undefined && verifySignature(key, bytes(msg), withLowS(signature));
          expect([holds, lowered], `case ${tcId}`).toEqual([false, false]);
          counts.refused += 1;
          continue;
        }
        if (signature === undefined) throw new Error(`case ${tcId} was not read`);
        expect(holds, `case ${tcId}`).toBe(isLowS(signature));
        expect(verifySignature(key, bytes(msg), withLowS(signature)), `case ${tcId} lowered`).toBe(true);
        counts[holds ? "accepted" : "highS"] += 1;
      }
    }
    expect(counts).toEqual({ refused: 310, accepted: 103, highS: 71 });
  });
});

describe("a signature in DER", () => {
  it("becomes r and s of 32 bytes each, whatever their size", () => {
    const scalar = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(scalar, scalar, fc.nat(31), (r, s, zeros) => {
        const shortened = Uint8Array.from(r, (byte, index) => (index < zeros ? 0 : byte));
        expect(hex(derToP1363(der(minimal(shortened), minimal(s))))).toBe(`${hex(shortened)}${hex(s)}`);
      }),
    );
  });

  it.each([
    ["nothing", new Uint8Array()],
    ["a negative r", der("80", "01")],
    ["a negative s", der("01", "ff")],
    ["a zero in front that is not needed", der("0001", "01")],
    ["an empty number", der("", "01")],
    ["a number of 33 bytes", der(`01${"00".repeat(32)}`, "01")],
    ["a number of 33 bytes behind a zero", der(`00${"80".repeat(33)}`, "01")],
    ["one number", bytes("3003020101")],
    ["three numbers", bytes("3009020101020101020101")],
    ["bytes after it", Buffer.concat([der("01", "01"), Buffer.of(0)])],
    ["bytes after s inside", bytes("30070201010201010a")],
    ["a length of two bytes", bytes("308106020101020101")],
    ["an indefinite length", bytes("30800201010201010000")],
    ["another type outside", bytes("3106020101020101")],
    ["another type inside", bytes("3006030101020101")],
    ["r longer than what is there", bytes("3006020901020101")],
  ])("with %s is refused", (_, input) => {
    expect(derToP1363(input)).toBeUndefined();
  });

  it("is never a reason to throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (junk) => {
        const read = derToP1363(junk);
        return read === undefined || read.length === 64;
      }),
    );
  });
});

describe("the lower s", () => {
  const half = "7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8";
  it("ends at half the order", () => {
    expect(isLowS(bytes("01".repeat(32) + half))).toBe(true);
    expect(isLowS(bytes(`${"01".repeat(32)}${half.slice(0, -1)}9`))).toBe(false);
    expect(isLowS(bytes("01".repeat(32) + "ff".repeat(32)))).toBe(false);
    expect(isLowS(bytes(half))).toBe(false);
  });
});
