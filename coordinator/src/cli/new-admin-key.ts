import { readConfig } from "../config.js";
import { replaceAdminKey } from "../secrets.js";
import type { AddCommand } from "./context.js";
import { CommandError, EXIT } from "./exit.js";

/** `admin new-admin-key`: for whoever has lost the operator's key, or fears that somebody else has it. */
export const addNewAdminKey: AddCommand = (admin, { env, print, say }) => {
  admin
    .command("new-admin-key")
    .description("replace the operator's key in the data directory; the coordinator takes it at its next start")
    .action(() => {
      const config = readConfig(env);
      if (config.adminKey !== undefined) {
        const words = "HEARTH_ADMIN_KEY is set, and counts before the data directory: change it where it is set.";
        throw new CommandError(EXIT.config, words);
      }
      print(replaceAdminKey(config.dataDir));
      say("Restart the coordinator: until then the old key is good, and this one is not.");
    });
};
