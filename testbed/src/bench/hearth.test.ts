import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { COORDINATOR_FLAGS } from "./hearth.js";

const read = (path: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), "utf8");

it.each([
  ["package.json", `node ${COORDINATOR_FLAGS.join(" ")} scripts/run.mjs coordinator`],
  ["coordinator/Dockerfile", `CMD ["node", ${COORDINATOR_FLAGS.map((flag) => `"${flag}", `).join("")}"dist/main.js"]`],
  ["docs/operations.md", `\`node ${COORDINATOR_FLAGS.join(" ")} coordinator/dist/main.js\``],
])("measures a coordinator that is started as %s has it", (path, command) => {
  expect(read(path)).toContain(command);
});
