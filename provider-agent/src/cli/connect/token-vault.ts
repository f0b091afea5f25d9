import { readTokenFile, removeTokenFile, writeTokenFile } from "../../config/token-file.js";
import { coordinatorOrigin } from "../../enrol/coordinator-origin.js";
import { TokenStore } from "../../enrol/token-store.js";
import type { TokenVault } from "../ports.js";

/** What logging in left for a coordinator goes before the token that the owner pasted. */
export const tokenVault: TokenVault = {
  read: ({ dataDir, name, coordinator }) => ofLogin(dataDir, name, coordinator) ?? readTokenFile(dataDir),
  write: writeTokenFile,
  remove: removeTokenFile,
};

function ofLogin(dataDir: string, name: string, coordinator: string): string | undefined {
  // That the URL is one is another's to say.
  if (!URL.canParse(coordinator)) return undefined;
  return new TokenStore(dataDir, name).load(coordinatorOrigin(coordinator, true))?.token;
}
