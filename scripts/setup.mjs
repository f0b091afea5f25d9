// npm run setup: everything that must be there before a program or a test can run. The other scripts do it themselves.
import "./setup/node-version.js";
import { setUp } from "./setup/set-up.js";
import { reportFailure } from "./setup/set-up-error.js";

try {
  setUp();
  console.error("Ready: dependencies are installed and everything is built.");
} catch (error) {
  reportFailure(error);
}
