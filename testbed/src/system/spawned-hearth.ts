import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ADMIN_KEY, API_KEY, PROVIDER_TOKEN } from "../scripted/test-coordinator.js";
import { type Program, SpawnedProcess } from "./spawned-process.js";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const COORDINATOR = join(ROOT, "coordinator/dist/main.js");
const AGENT = join(ROOT, "provider-agent/dist/main.js");

/** The model that ships with the agent. */
export const PICO: string = join(ROOT, "provider-agent/models/pico/pico.gguf");

type Env = Readonly<Record<string, string>>;

export interface AgentOptions {
  /** `embedded` unless given: the base URL of an OpenAI-compatible server. */
  readonly backend?: string;
  /** Two agents of one test need two names. */
  readonly name?: string;
  readonly models?: readonly string[];
  /** Where to dial instead of the coordinator itself. */
  readonly coordinator?: string;
  /** Further flags of `serve`. */
  readonly flags?: readonly string[];
}

/** What `/admin/providers` says of one provider, as far as tests look. */
export interface SeenProvider {
  readonly id: string;
  readonly name: string | null;
  readonly status: string;
  readonly models: readonly { readonly id: string; readonly in_flight: number }[];
}

/** A coordinator that runs as its users run it, and everything that was started with it. */
export class SpawnedHearth implements AsyncDisposable {
  readonly dataDir: string = mkdtempSync(join(tmpdir(), "hearth-system-"));
  readonly #env: Env;
  readonly #processes: SpawnedProcess[] = [];
  #coordinator: SpawnedProcess | undefined;
  #url = "";

  private constructor(env: Env) {
    this.#env = {
      HOME: this.dataDir,
      HEARTH_DATA_DIR: join(this.dataDir, "coordinator"),
      HEARTH_AGENT_DATA_DIR: join(this.dataDir, "agents"),
      HEARTH_API_KEY: API_KEY,
      HEARTH_ADMIN_KEY: ADMIN_KEY,
      HEARTH_PROVIDER_TOKEN: PROVIDER_TOKEN,
      HEARTH_LOG_LEVEL: "debug",
      ...env,
    };
  }

  /** Starts a coordinator on a free port and waits until it is ready. */
  static async start(env: Env = {}, stdoutPath?: string): Promise<SpawnedHearth> {
    const hearth = new SpawnedHearth(env);
    await hearth.startCoordinator(stdoutPath);
    return hearth;
  }

  get url(): string {
    return this.#url;
  }

  get providerUrl(): string {
    return `${this.#url.replace("http", "ws")}/ws/provider`;
  }

  /** The coordinator's program, for its other commands. */
  get program(): string {
    return COORDINATOR;
  }

  get coordinator(): SpawnedProcess {
    if (this.#coordinator === undefined) throw new Error("no coordinator was started");
    return this.#coordinator;
  }

  /** Starts the coordinator, on the port that it had before if it had one. */
  async startCoordinator(stdoutPath?: string): Promise<void> {
    const port = this.#url === "" ? "0" : new URL(this.#url).port;
    const env = { ...this.#env, HEARTH_PORT: port };
    const coordinator = this.#add({
      name: "coordinator",
      file: process.execPath,
      args: [COORDINATOR],
      env,
      ...(stdoutPath && { stdoutPath }),
    });
    this.#coordinator = coordinator;
    await coordinator.until("is listening", () => coordinator.logged("listening").length > 0);
    this.#url = String(coordinator.logged("listening")[0]?.["url"]);
    await coordinator.until("is ready", async () => (await this.get("/readyz")).ok);
  }

  /** Starts an agent and waits until the coordinator lists its model. */
  async agent(options: AgentOptions = {}): Promise<SpawnedProcess> {
    const { backend = "embedded", name = "default", models = [], flags = [] } = options;
    const dial = options.coordinator ?? this.providerUrl;
    const args = ["serve", "--coordinator", dial, "--backend", backend, "--name", name, ...flags];
    const agent = this.run(`agent ${name}`, AGENT, [...args, ...models.flatMap((model) => ["--model", model])]);
    await agent.until("serves", async () => {
      const providers = await this.providers();
      return providers.some((each) => each.name === name && each.status === "serving" && each.models.length > 0);
    });
    return agent;
  }

  /** Runs a built program of this repository. */
  run(name: string, script: string, args: readonly string[], env: Env = {}): SpawnedProcess {
    if (!existsSync(script)) throw new Error(`${script} is missing: run the tests by npm test, which builds first`);
    return this.spawn(name, process.execPath, [script, ...args], { ...this.#env, ...env });
  }

  spawn(name: string, file: string, args: readonly string[], env: Env = {}): SpawnedProcess {
    return this.#add({ name, file, args, env });
  }

  #add(program: Program): SpawnedProcess {
    const spawned = new SpawnedProcess(program);
    this.#processes.push(spawned);
    return spawned;
  }

  get(path: string, key: string = API_KEY): Promise<Response> {
    return fetch(`${this.#url}${path}`, { headers: { Authorization: `Bearer ${key}` } });
  }

  chat(body: unknown, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.#url}/v1/chat/completions`, {
      method: "POST",
      body: typeof body === "string" ? body : JSON.stringify(body),
      ...init,
      headers: { Authorization: `Bearer ${API_KEY}`, "Content-Type": "application/json", ...init.headers },
    });
  }

  async providers(): Promise<readonly SeenProvider[]> {
    const body = (await (await this.get("/admin/providers", ADMIN_KEY)).json()) as { data: readonly SeenProvider[] };
    return body.data;
  }

  /** The value of one metric, labels included in its name; 0 where it has never been counted. */
  async metric(name: string): Promise<number> {
    const text = await (await this.get("/metrics")).text();
    const line = text.split("\n").find((each) => each.startsWith(`${name} `));
    return line === undefined ? 0 : Number(line.slice(name.length + 1));
  }

  /** Ends every process, the newest first, and removes its files. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.toReversed().map((each) => each[Symbol.asyncDispose]()));
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}

/** Runs the coordinator's program with nothing but these variables set. */
export function runCoordinator(env: Env, stdoutPath?: string, args: readonly string[] = []): SpawnedProcess {
  const program: Program = { name: "coordinator", file: process.execPath, args: [COORDINATOR, ...args], env };
  return new SpawnedProcess({ ...program, ...(stdoutPath && { stdoutPath }) });
}

/** Runs an agent with files of its own, for a coordinator that the test has started in its own process. */
export function startAgent(options: { readonly coordinator: string; readonly backend: string }): SpawnedProcess {
  const dataDir = mkdtempSync(join(tmpdir(), "hearth-agent-"));
  const dial = `${options.coordinator.replace("http", "ws")}/ws/provider`;
  const agent = new SpawnedProcess({
    name: "agent",
    file: process.execPath,
    args: [AGENT, "serve", "--coordinator", dial, "--backend", options.backend],
    env: { HOME: dataDir, HEARTH_AGENT_DATA_DIR: dataDir, HEARTH_PROVIDER_TOKEN: PROVIDER_TOKEN },
  });
  void agent.exited.then(() => rmSync(dataDir, { recursive: true, force: true }));
  return agent;
}
