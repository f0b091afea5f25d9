import { LlamaServer } from "../../../provider-agent/src/testing/llama-server.js";
import { TestAgent } from "../../../provider-agent/src/testing/test-agent.js";
import { until } from "../scripted/answers.js";
import { PROVIDER_TOKEN, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

/** Path of a real llama-server; `npm test` finds one and sets it. */
export const program: string | undefined = process.env["LLAMA_SERVER"];
if (program === undefined) console.warn("NOTICE: LLAMA_SERVER is not set; tests with a real llama-server are skipped.");

/** A coordinator, and a real agent of its with a real llama-server that serves the tiny model `pico`. */
export interface BehindLlamaServer extends AsyncDisposable {
  readonly hearth: TestCoordinator;
}

export async function startBehindLlamaServer(): Promise<BehindLlamaServer> {
  const hearth = await startTestCoordinator();
  const server = await LlamaServer.start(program ?? "");
  const agent = new TestAgent({
    coordinators: [`${hearth.url.replace("http", "ws")}/ws/provider`],
    backend: server.url,
    config: { tokenFor: () => PROVIDER_TOKEN },
  });
  await until("the agent serves its model", () => hearth.coordinator.registry.serves("pico"), 20_000);
  return {
    hearth,
    async [Symbol.asyncDispose]() {
      await agent[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await hearth.stop();
    },
  };
}
