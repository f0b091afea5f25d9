import { build } from "./build.js";
import { buildDashboard } from "./dashboard.js";
import { installDependencies } from "./dependencies.js";
import { withSetUpLock } from "./lock.js";

/**
 * Installs and builds what is missing or out of date. Prints progress to stderr, and nothing when all is there.
 * @throws {import("./set-up-error.js").SetUpError} with a message for the person at the terminal
 */
export function setUp() {
  withSetUpLock(() => {
    installDependencies();
    build();
    buildDashboard();
  });
}
