import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { freePort } from "./free-port.js";
import { BENCH_AGENT, programFile } from "./program-file.js";
import type { Process, Processes } from "./spawn.js";
import { STUB_MODEL } from "./stub-answer.js";

/** How long Hearth may take until it serves the stub's model, ms. */
const READY_MS = 20_000;
const POLL_MS = 50;

/** What a coordinator that serves others tells Node: see docs/performance.md. */
export const COORDINATOR_FLAGS: readonly string[] = ["--max-semi-space-size=32"];

/** Any string will do, as long as both sides are told the same. */
export const PROVIDER_TOKEN = "bench-provider-token-of-32-chars";

export const ADMIN_KEY = "bench-admin-key-of-32-characters";

export interface HearthSettings {
  readonly stubPort: number;
  readonly apiKey: string;
  /** More arguments of node for either program. */
  readonly flags: HearthFlags;
  /** More of both programs' environment, in the place of what they would be told. */
  readonly env?: Readonly<Record<string, string>>;
  /** What the operator's configuration file says; absent = there is none. */
  readonly operator?: object;
}

/** More arguments of node, by program. */
export interface HearthFlags {
  readonly coordinator?: readonly string[];
  readonly agent?: readonly string[];
}

export interface Hearth {
  readonly port: number;
  readonly coordinator: Process;
  readonly agent: Process;
}

/**
 * Starts a coordinator and one agent in front of the stub, as a user would from a clone, and waits until the model
 * is served. Their data goes to a temporary folder that ends with the bench.
 */
export async function startHearth(processes: Processes, settings: HearthSettings): Promise<Hearth> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "hearth-bench-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const { env, operator } = settings;
  const shared = { HEARTH_PROVIDER_TOKEN: PROVIDER_TOKEN, HEARTH_LOG_LEVEL: "warn" };
  const coordinator = await startCoordinatorAlone(processes, {
    port,
    folder,
    flags: settings.flags.coordinator ?? [],
    env: {
      ...shared,
      HEARTH_API_KEY: settings.apiKey,
      ...(operator && { HEARTH_CONFIG: writeOperator(folder, operator) }),
      ...env,
    },
  });
  const agent = processes.start({
    name: "agent",
    place: "rest",
    arguments: [
      ...(settings.flags.agent ?? []),
      programFile("provider-agent", "main.js"),
      "serve",
      ...["--coordinator", `ws://127.0.0.1:${port}/ws/provider`],
      ...["--backend", `http://127.0.0.1:${settings.stubPort}/v1`],
      ...["--model", STUB_MODEL],
      ...["--name", BENCH_AGENT],
    ],
    cwd: folder,
    env: { ...shared, HEARTH_AGENT_DATA_DIR: join(folder, "agent"), ...env },
  });
  await until(agent, "Hearth serves the stub's model", async () => {
    const ready = await ask(port, "/readyz");
    const models = await ask(port, "/v1/models", settings.apiKey);
    return ready.status === 200 && models.status === 200 && models.body.includes(`"${STUB_MODEL}"`);
  });
  return { port, coordinator, agent };
}

export interface CoordinatorSettings {
  readonly port: number;
  /** Its data goes to a folder in there. */
  readonly folder: string;
  /** More arguments of node. */
  readonly flags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Starts a coordinator, and waits until it listens. */
export async function startCoordinatorAlone(
  processes: Processes,
  { port, folder, flags, env }: CoordinatorSettings,
): Promise<Process> {
  const coordinator = processes.start({
    name: "coordinator",
    place: "front",
    arguments: [...COORDINATOR_FLAGS, ...flags, programFile("coordinator", "main.js")],
    cwd: folder,
    env: {
      HEARTH_HOST: "127.0.0.1",
      HEARTH_PORT: String(port),
      HEARTH_DATA_DIR: join(folder, "coordinator"),
      HEARTH_ADMIN_KEY: ADMIN_KEY,
      ...env,
    },
  });
  await until(coordinator, "the coordinator is ready", async () => (await ask(port, "/readyz")).status !== undefined);
  return coordinator;
}

function writeOperator(folder: string, operator: object): string {
  const path = join(folder, "operator.json");
  writeFileSync(path, JSON.stringify(operator));
  return path;
}

async function until(started: Process, what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + READY_MS;
  while (!(await holds())) {
    const end = started.ended();
    if (end !== undefined) throw new Error(end);
    if (performance.now() > deadline) throw new Error(`${READY_MS / 1000} s passed before ${what}`);
    await pause(POLL_MS);
  }
}

interface Answer {
  /** Absent when nobody listens. */
  readonly status?: number | undefined;
  readonly body: string;
}

function ask(port: number, path: string, apiKey?: string): Promise<Answer> {
  const headers = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
  return new Promise((resolve) => {
    const request = get({ host: "127.0.0.1", port, path, headers, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text: string) => {
        body += text;
      });
      response.on("end", () => resolve({ status: response.statusCode, body }));
    });
    request.on("error", () => resolve({ body: "" }));
  });
}
