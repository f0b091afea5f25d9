import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const Exports = z.record(z.string(), z.record(z.string(), z.unknown()));
const Manifest = z.object({
  name: z.string(),
  private: z.boolean().optional(),
  bin: z.record(z.string(), z.string()).optional(),
  exports: Exports.default({}),
  publishConfig: z.object({ exports: Exports }).optional(),
});
type Manifest = z.infer<typeof Manifest>;
const Packed = z.array(z.object({ name: z.string(), files: z.array(z.object({ path: z.string() })) }));

const PUBLIC = readdirSync(ROOT)
  .filter((folder) => existsSync(join(ROOT, folder, "package.json")))
  .map((folder) => ({ folder, manifest: Manifest.parse(JSON.parse(readManifest(folder))) }))
  .filter(({ manifest }) => manifest.private !== true);

function readManifest(folder: string): string {
  return readFileSync(join(ROOT, folder, "package.json"), "utf8");
}

/** What npm itself says that it would put into each package, by its name. It looks at what is built. */
function shippedFiles(): ReadonlyMap<string, readonly string[]> {
  const folders = PUBLIC.map(({ folder }) => `./${folder}`);
  const { stdout, stderr } = spawnSync("npm", ["pack", "--dry-run", "--json", "--offline", ...folders], {
    cwd: ROOT,
    encoding: "utf8",
  });
  if (stdout === "") throw new Error(`npm pack said nothing but: ${stderr}`);
  return new Map(Packed.parse(JSON.parse(stdout)).map(({ name, files }) => [name, files.map(({ path }) => path)]));
}

/** The files that the manifest promises to whoever installs the package: what our own condition names is not shipped. */
function promisedFiles({ bin, exports, publishConfig }: Manifest): string[] {
  const targets = Object.values(publishConfig?.exports ?? exports)
    .flatMap((conditions) => Object.entries(conditions))
    .filter(([condition]) => condition !== "hearth-source")
    .map(([, target]) => z.string().parse(target));
  return [...targets, ...Object.values(bin ?? {})].map((target) => target.replace(/^\.\//, ""));
}

const NOT_FOR_OTHERS = /(^|\/)(src|testing|fixtures|internals)\b|\.test\.|\.(map|tsbuildinfo|mjs|py|ts)$/;
const isForUs = (path: string): boolean => NOT_FOR_OTHERS.test(path) && !path.endsWith(".d.ts");

let shipped: ReadonlyMap<string, readonly string[]>;
beforeAll(() => {
  shipped = shippedFiles();
});

describe.each(PUBLIC)("the package $manifest.name", ({ manifest }) => {
  it("ships what its manifest promises", () => {
    expect(shipped.get(manifest.name)).toEqual(expect.arrayContaining(promisedFiles(manifest)));
  });

  it("ships no sources, tests, what helps tests, scripts or maps", () => {
    expect(shipped.get(manifest.name)?.filter(isForUs)).toEqual([]);
  });
});
