import { createServer } from "node:net";
import { SetUpError } from "../setup/set-up-error.js";

/**
 * Tries the port before anything is started, so that a busy one is one clear message.
 * @param {import("./settings.js").Settings} settings
 * @returns {Promise<number>} the port to use
 * @throws {SetUpError} naming the variable to change
 */
export async function requireFreePort({ host, port }) {
  const probe = createServer();
  try {
    return await new Promise((free, taken) => {
      probe.once("error", taken);
      probe.listen({ host, port }, () => free(probe.address().port));
    });
  } catch (error) {
    throw new SetUpError(explain(error, host, port));
  } finally {
    await new Promise((closed) => probe.close(closed));
  }
}

function explain(error, host, port) {
  const another = port === 8080 ? 8081 : 8080;
  if (error.code === "EADDRINUSE") {
    return `Port ${port} on ${host} is in use by another program. Choose a free one with HEARTH_PORT, for example: HEARTH_PORT=${another} npm start`;
  }
  if (error.code === "EACCES") {
    return `This user may not listen on port ${port}. Choose another with HEARTH_PORT, for example: HEARTH_PORT=${another} npm start`;
  }
  return `Cannot listen on HEARTH_HOST=${host}, HEARTH_PORT=${port}: ${error.message}`;
}
