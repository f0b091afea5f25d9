import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AgentDeps, runAgent } from "../agent.js";
import type { AgentConfig } from "../config.js";
import { createLogger } from "../platform/logger.js";
import { type BackendOptions, type BackendScript, ScriptedBackend } from "./scripted-backend.js";
import { type AgentLink, ScriptedCoordinator } from "./scripted-coordinator.js";

/** An agent that runs in this process until it is disposed of. */
export class TestAgent implements AsyncDisposable {
  readonly ended: Promise<void>;
  readonly #stopping = new AbortController();
  readonly #dataDir = mkdtempSync(join(tmpdir(), "hearth-agent-"));

  constructor(config: Partial<AgentConfig> & Pick<AgentConfig, "coordinator" | "backend">, deps: Partial<AgentDeps>) {
    const full: AgentConfig = {
      token: "provider-token",
      backendKey: undefined,
      models: [],
      name: "test",
      dataDir: this.#dataDir,
      embeddings: false,
      logLevel: "silent",
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
    rmSync(this.#dataDir, { recursive: true, force: true });
  }
}

/** A coordinator, a backend and an agent between them. */
export interface Setting extends AsyncDisposable {
  readonly coordinator: ScriptedCoordinator;
  readonly backend: ScriptedBackend;
  readonly agent: TestAgent;
  readonly link: AgentLink;
}

/** Starts all three and waits until the agent is registered. */
export async function startSetting(
  script: BackendScript | undefined,
  options: { readonly backend?: BackendOptions; readonly deps?: Partial<AgentDeps> } = {},
): Promise<Setting> {
  const coordinator = await ScriptedCoordinator.start();
  const backend = await ScriptedBackend.start({ ...options.backend, ...(script ? { script } : {}) });
  const config = { coordinator: coordinator.url, backend: { type: "openai", url: backend.url } } as const;
  const agent = new TestAgent(config, options.deps ?? {});
  const link = await coordinator.agent();
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
