import { systemAmbient } from "./ambient.js";
import { EngineService } from "./api/engine-service.js";
import { startServer } from "./http/server.js";
import type { StartOptions } from "./messages.js";
import { loadModel } from "./model/load-model.js";

/** A loaded model behind its HTTP server. */
export interface ModelServer {
  readonly port: number;
  /** Gives running answers up, closes the server and frees the model. */
  stop(): Promise<void>;
}

/** @throws {LoadError} */
export async function serveModel(options: StartOptions, log: (line: string) => void): Promise<ModelServer> {
  const model = await loadModel({ ...options, log });
  const server = await startServer(new EngineService(model, systemAmbient), options.apiKey);
  return {
    port: server.port,
    stop: async () => {
      await server.close();
      await model[Symbol.asyncDispose]();
    },
  };
}
