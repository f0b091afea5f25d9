// npm test [-- paths and vitest options]: set up, find a real llama-server for the tests that want one, run vitest.
import "./setup/node-version.js";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { offerLlamaServer } from "./llama-server/find.js";
import { followNpm } from "./setup/follow-npm.js";
import { ROOT } from "./setup/repository.js";
import { setUp } from "./setup/set-up.js";
import { reportFailure } from "./setup/set-up-error.js";

try {
  setUp();
  followNpm();
  offerLlamaServer(process.env);
  const vitest = join(ROOT, "node_modules", "vitest", "vitest.mjs");
  process.argv = [process.execPath, vitest, "run", ...process.argv.slice(2)];
  await import(pathToFileURL(vitest).href);
} catch (error) {
  reportFailure(error);
}
