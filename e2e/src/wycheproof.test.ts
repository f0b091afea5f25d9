import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { E2eError } from "./error.js";
import { expand, extract } from "./hkdf.js";
import { noblePrimitives } from "./noble-primitives.js";
import { nodePrimitives } from "./node-primitives.js";
import { TAG_BYTES } from "./primitives.js";

interface Suite<T> {
  readonly testGroups: readonly { readonly tests: readonly (T & TestCase)[] }[];
}
interface TestCase {
  readonly tcId: number;
  readonly flags: readonly string[];
  readonly result: "valid" | "invalid" | "acceptable";
}
type X25519Case = { readonly public: string; readonly private: string; readonly shared: string };
type AeadCase = Record<"key" | "iv" | "aad" | "msg" | "ct" | "tag", string>;
type HkdfCase = Record<"ikm" | "salt" | "info" | "okm", string> & { readonly size: number };

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = join(process.env["HEARTH_REFERENCE_DIR"] ?? join(root, ".cache/reference"), "wycheproof");
const present = existsSync(join(folder, "x25519_test.json"));
// biome-ignore lint/suspicious/noConsole: whoever reads the run must see that a suite was skipped
if (!present) console.warn(`Skipping Wycheproof: no vectors in ${folder} (set HEARTH_REFERENCE_DIR).`);

function load<T>(file: string): readonly (T & TestCase)[] {
  const suite = JSON.parse(readFileSync(join(folder, file), "utf8")) as Suite<T>;
  return suite.testGroups.flatMap((group) => group.tests);
}

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));
const hex = (data: Uint8Array | undefined): string | undefined => data && Buffer.from(data).toString("hex");

/** What a call answers, or the code it refuses with. */
function outcome(call: () => Uint8Array | undefined): string | undefined {
  try {
    return hex(call());
  } catch (error) {
    if (error instanceof E2eError) return error.code;
    throw error;
  }
}

describe.skipIf(!present).each([nodePrimitives, noblePrimitives])("Wycheproof on $name primitives", (primitives) => {
  it("x25519: every secret matches, and the 31 all-zero ones are refused", () => {
    let refused = 0;
    for (const { tcId, shared, ...keys } of load<X25519Case>("x25519_test.json")) {
      const allZero = /^0+$/.test(shared);
      const agreed = outcome(() =>
        primitives.importPrivateKey(bytes(keys.private)).agree(primitives.preparePublicKey(bytes(keys.public))),
      );
      expect(agreed, `case ${tcId}`).toBe(allZero ? "invalid_key" : shared);
      if (allZero) refused += 1;
    }
    expect(refused).toBe(31);
  });

  it("chacha20-poly1305: seals and opens the valid cases and refuses the others", () => {
    const cases = load<AeadCase>("chacha20_poly1305_test.json");
    for (const { tcId, result, flags, ...c } of cases) {
      const [key, nonce, aad] = [bytes(c.key), bytes(c.iv), bytes(c.aad)];
      const opened = outcome(() => primitives.decrypt(key, nonce, aad, bytes(c.ct + c.tag)));
      if (flags.includes("InvalidNonceSize")) {
        expect(opened, `case ${tcId}`).toBe("invalid_argument");
        continue;
      }
      expect(opened, `case ${tcId}`).toBe(result === "valid" ? c.msg : undefined);
      const buffer = new Uint8Array(bytes(c.msg).length + TAG_BYTES);
      buffer.set(bytes(c.msg));
      primitives.encryptInPlace(key, nonce, aad, buffer);
      expect(hex(buffer) === c.ct + c.tag, `case ${tcId}`).toBe(result === "valid");
    }
    expect(cases.length).toBeGreaterThan(300);
  });

  it("hkdf-sha256: derives every key and refuses lengths over the limit", () => {
    const cases = load<HkdfCase>("hkdf_sha256_test.json");
    for (const { tcId, result, ...c } of cases) {
      const prk = extract(primitives, bytes(c.salt), bytes(c.ikm));
      const okm = outcome(() => expand(primitives, prk, bytes(c.info), c.size));
      expect(okm, `case ${tcId}`).toBe(result === "valid" ? c.okm : "too_large");
    }
    expect(cases.length).toBeGreaterThan(80);
  });
});
