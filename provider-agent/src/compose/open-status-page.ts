import type { AgentConfig } from "../config.js";
import type { AgentControl } from "../local/agent-status.js";
import { writeRunFile } from "../local/run-file.js";
import { startStatusServer } from "../local/status-server.js";
import type { Logger } from "../platform/logger.js";

/** The owner's page, unless it is not wanted. */
export async function openStatusPage(config: AgentConfig, board: AgentControl, log: Logger): Promise<AsyncDisposable> {
  if (!config.statusPage.enabled) return { [Symbol.asyncDispose]: async () => {} };
  const server = await startStatusServer(board, config.statusPage.port, log);
  const { url, token } = server;
  let file: Disposable;
  try {
    file = writeRunFile(config.dataDir, config.name, { pid: process.pid, url, token });
  } catch (error) {
    await server.close();
    throw error;
  }
  log.info({ url }, "status page");
  return {
    async [Symbol.asyncDispose]() {
      file[Symbol.dispose]();
      await server.close();
    },
  };
}
