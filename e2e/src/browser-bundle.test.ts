import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createContext, runInContext } from "node:vm";
import { type OutputChunk, rolldown } from "rolldown";
import { describe, expect, it } from "vitest";
import { generateKeyPair } from "./key-pair.js";
import { openRequest } from "./sealed-request.js";

const packageRoot = new URL("../", import.meta.url);
const binding = { requestId: "req_1", attemptId: "att_1" };

async function bundle(source: string, platform: "browser" | "node"): Promise<OutputChunk> {
  const entry = fileURLToPath(new URL("src/bundle-entry.ts", packageRoot));
  const build = await rolldown({
    input: entry,
    platform,
    // A consumer would resolve the built files; the source condition lets the test run before any build.
    resolve: { conditionNames: ["hearth-source", platform, "import", "default"] },
    plugins: [
      { name: "entry", load: (id) => (id === entry ? source : null), resolveId: (id) => (id === entry ? id : null) },
    ],
    onLog: (_, log) => expect.fail(log.message),
  });
  const format = platform === "browser" ? "iife" : "esm";
  const { output } = await build.generate({ format, name: "bundled", minify: true });
  await build.close();
  expect(output).toHaveLength(1);
  return output[0];
}

describe("the package", () => {
  it("is bundled for a browser without a trace of Node", async () => {
    const { code, imports, dynamicImports } = await bundle('export * from "@hearth/e2e";', "browser");
    expect([...imports, ...dynamicImports]).toEqual([]);
    expect(code.match(/node:\w+|require\(|\bBuffer\b|(?<!\.)\bprocess\./)).toBeNull();
  });

  it("seals in a bare browser-like realm what a Node provider opens, and opens its answer", async () => {
    const { code } = await bundle('export * from "@hearth/e2e";', "browser");
    // All that a browser offers of what the bundle needs; in particular no Node global.
    const realm = createContext({ crypto: globalThis.crypto, TextEncoder, btoa });
    const run = (script: string): unknown => runInContext(script, realm);
    run(code);
    const keyPair = generateKeyPair();
    run(`var sealer = bundled.sealRequest({
      publicKey: Uint8Array.from(${JSON.stringify([...keyPair.publicKey])}),
      binding: ${JSON.stringify(binding)},
    })`);
    const fromRealm = (script: string): Uint8Array => Uint8Array.from(run(`Array.from(${script})`) as number[]);
    const opener = openRequest({ keyPair, encapsulatedKey: fromRealm("sealer.encapsulatedKey"), binding });
    expect(opener.open(fromRealm("sealer.seal(Uint8Array.of(1, 2, 3), true)"), 0, true)).toEqual(
      Uint8Array.of(1, 2, 3),
    );
    const answer = JSON.stringify([...opener.response.seal(Uint8Array.of(4, 5), true)]);
    expect(fromRealm(`sealer.response.open(Uint8Array.from(${answer}), 0, true)`)).toEqual(Uint8Array.of(4, 5));
    expect(run("sealer.response.finished")).toBe(true);
  });

  it("keeps node:crypto when it is bundled for Node", async () => {
    const { imports } = await bundle('export * from "@hearth/e2e";', "node");
    expect(imports).toEqual(["node:crypto"]);
  });

  it("offers noble's primitives alone, free of Node on every platform", async () => {
    const { imports, code } = await bundle('export * from "@hearth/e2e/noble";', "node");
    expect(imports).toEqual([]);
    expect(code.match(/node:\w+/)).toBeNull();
  });

  it("names for every entry point a source file that builds to the published one", () => {
    const manifest = JSON.parse(readFileSync(new URL("package.json", packageRoot), "utf8")) as {
      exports: Record<string, Record<"hearth-source" | "types" | "default", string>>;
    };
    for (const [entry, target] of Object.entries(manifest.exports)) {
      const source = target["hearth-source"];
      expect(existsSync(new URL(source, packageRoot)), entry).toBe(true);
      const built = source.replace("./src/", "./dist/");
      expect(target.default).toBe(built.replace(/\.ts$/, ".js"));
      expect(target.types).toBe(built.replace(/\.ts$/, ".d.ts"));
      expect(Object.keys(target).at(-1)).toBe("default");
    }
  });
});
