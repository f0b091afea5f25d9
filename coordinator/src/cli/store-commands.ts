import { readConfig } from "../config.js";
import type { AuditReport } from "./audit.js";
import type { AddCommand } from "./context.js";
import { EXIT } from "./exit.js";

/**
 * Commands on the database itself, with nobody to be believed between. Their work brings the libraries of the databases
 * along, and is loaded when it is asked for: the other commands do not wait for it.
 */
export const addStoreCommands: AddCommand = (admin, context) => {
  const tell = ({ report, isRight }: AuditReport): void => {
    context.print(report);
    if (!isRight) context.exitWith(EXIT.mismatch);
  };
  admin
    .command("audit")
    .description("re-add the whole ledger in the database; exits with 7 where it does not add up")
    .action(async () => {
      const { auditStore } = await import("./audit.js");
      tell(await auditStore(readConfig(context.env)));
    });
  admin
    .command("migrate-store")
    .description("copy hearth.db into the empty PostgreSQL of DATABASE_URL, while no coordinator runs")
    .action(async () => {
      const { migrateStore } = await import("./migrate-store.js");
      tell(await migrateStore({ config: readConfig(context.env), say: context.say }));
    });
};
