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

/** What stands between the agent and the server. */
interface Front extends AsyncDisposable {
  readonly url: string;
}

/** How an agent gets its answers. */
export interface LlamaServerOptions {
  /** More arguments of the server. */
  readonly args?: readonly string[];
  /** Given the origin of the server; absent = the agent asks the server itself. */
  readonly front?: (origin: string) => Promise<Front>;
  /** What the backend is asked in, besides chat completions. */
  readonly nativeDialects?: readonly ("responses" | "messages")[];
}

export async function startBehindLlamaServer(options: LlamaServerOptions = {}): Promise<BehindLlamaServer> {
  const { args, front: makeFront, nativeDialects = [] } = options;
  const hearth = await startTestCoordinator();
  const server = await LlamaServer.start(program ?? "", args);
  const front = await makeFront?.(server.origin);
  const agent = new TestAgent({
    coordinators: [`${hearth.url.replace("http", "ws")}/ws/provider`],
    backend: front?.url ?? server.url,
    config: { tokenFor: () => PROVIDER_TOKEN, nativeDialects },
  });
  await until("the agent serves its model", () => hearth.coordinator.registry.serves("pico"), 20_000);
  return {
    hearth,
    async [Symbol.asyncDispose]() {
      await agent[Symbol.asyncDispose]();
      await front?.[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await hearth.stop();
    },
  };
}
