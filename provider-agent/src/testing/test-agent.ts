import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AgentDeps, runAgent } from "../agent.js";
import { backendOfFlags } from "../config/backend-config.js";
import { type AgentConfig, readAgentSettings } from "../config.js";
import { createLogger } from "../platform/logger.js";
import { eventually } from "./eventually.js";
import { type BackendOptions, type BackendScript, ScriptedBackend } from "./scripted-backend.js";
import { type AgentLink, ScriptedCoordinator } from "./scripted-coordinator.js";

/** What a test says of its agent; the rest is as if nothing was configured. */
export interface TestAgentOptions {
  /** URLs, in the order in which they are tried. */
  readonly coordinators: readonly string[];
  /** `embedded`, or the URL of a server. */
  readonly backend: string;
  /** Whatever else is to be configured. */
  readonly config?: Partial<AgentConfig>;
}

/** An agent that runs in this process until it is disposed of. */
export class TestAgent implements AsyncDisposable {
  readonly ended: Promise<void>;
  readonly #stopping = new AbortController();
  readonly dataDir: string = mkdtempSync(join(tmpdir(), "hearth-agent-"));

  constructor({ coordinators, backend, config }: TestAgentOptions, deps: Partial<AgentDeps> = {}) {
    const flags = { backend, backendKey: undefined, models: [], modelPath: undefined, embeddings: false };
    const full: AgentConfig = {
      ...readAgentSettings({ name: "test", logLevel: "silent", coordinator: coordinators }, {}),
      tokenFor: () => "provider-token",
      dataDir: this.dataDir,
      backends: [backendOfFlags(flags)],
      // It has tests of its own.
      statusPage: { enabled: false, port: 0 },
      ...config,
    };
    // Reconnects at once: the delays have tests of their own.
    const all: AgentDeps = { log: createLogger("silent"), rng: { next: () => 0 }, ...deps };
    this.ended = runAgent(full, all, this.#stopping.signal);
    // Whoever cares awaits it.
    this.ended.catch(() => {});
  }

  stop(): void {
    this.#stopping.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    await this.ended.catch(() => {});
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}

/** A coordinator, a backend and an agent between them. */
export interface Setting extends AsyncDisposable {
  readonly coordinator: ScriptedCoordinator;
  readonly backend: ScriptedBackend;
  readonly agent: TestAgent;
  readonly link: AgentLink;
}

/** Starts all three and waits until the agent is registered, and the backend's models are known. */
export async function startSetting(
  script: BackendScript | undefined,
  options: {
    readonly backend?: BackendOptions;
    readonly deps?: Partial<AgentDeps>;
    readonly config?: Partial<AgentConfig>;
  } = {},
): Promise<Setting> {
  const coordinator = await ScriptedCoordinator.start();
  const backend = await ScriptedBackend.start({ ...options.backend, ...(script ? { script } : {}) });
  const { config = {}, deps } = options;
  const agent = new TestAgent({ coordinators: [coordinator.url], backend: backend.url, config }, deps);
  const link = await coordinator.agent();
  // On a clock that runs fast a busy machine may give up its first look at the backend, and register without models.
  const isKnown = (): boolean =>
    [link.register, ...link.frames].some((frame) => frame && "models" in frame && frame.models.length > 0);
  await eventually(() => isKnown() || backend.models.length === 0 || link.problem !== undefined);
  return {
    coordinator,
    backend,
    agent,
    link,
    async [Symbol.asyncDispose]() {
      await agent[Symbol.asyncDispose]();
      await backend[Symbol.asyncDispose]();
      await coordinator[Symbol.asyncDispose]();
    },
  };
}
