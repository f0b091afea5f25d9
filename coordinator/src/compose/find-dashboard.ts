import { createRequire } from "node:module";
import { dirname } from "node:path";

/** Where the web page was built, if its package is here and has been: absolute. */
export function findDashboard(): string | undefined {
  try {
    return dirname(createRequire(import.meta.url).resolve("@hearth/dashboard/dist/index.html"));
  } catch {
    return undefined;
  }
}
