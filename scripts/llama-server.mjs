// Prints the path of a real llama-server: LLAMA_SERVER, then PATH, then Debian's packages unpacked under .cache.
import "./setup/node-version.js";
import { findLlamaServer } from "./llama-server/find.js";
import { reportFailure, SetUpError } from "./setup/set-up-error.js";

try {
  const found = findLlamaServer(process.env);
  if ("missing" in found) throw new SetUpError(`No llama-server: ${found.missing}`);
  console.log(found.path);
} catch (error) {
  reportFailure(error);
}
