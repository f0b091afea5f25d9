import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { defineConfig } from "vite";

/** Where the coordinator serves the page. */
const BASE = "/dashboard/";

/** Each file once more as browsers like to be sent it, so that nobody has to do that while the page is served. */
const precompressed = {
  name: "precompressed",
  writeBundle({ dir }) {
    for (const { parentPath, name } of readdirSync(dir, { recursive: true, withFileTypes: true })) {
      if (!/\.(html|js|css|svg)$/.test(name)) continue;
      const file = join(parentPath, name);
      const content = readFileSync(file);
      writeFileSync(`${file}.gz`, gzipSync(content));
      writeFileSync(`${file}.br`, brotliCompressSync(content));
    }
  },
};

export default defineConfig({
  base: BASE,
  plugins: [precompressed],
  build: {
    target: "es2022",
    // The policy that the page is served with allows files of its own only: nothing may end up in the document itself.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
