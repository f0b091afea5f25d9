import { defineConfig } from "vite";

/** Where the coordinator serves the page. */
const BASE = "/dashboard/";

export default defineConfig({
  base: BASE,
  build: {
    target: "es2022",
    // The policy that the page is served with allows files of its own only: nothing may end up in the document itself.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
