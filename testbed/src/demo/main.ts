// npm run demo:cluster [-- --agents N --seconds N --kill]: three coordinators behind one address, agents with the embedded
// engine, some load, and a table of what happens. Needs a PostgreSQL and a Redis that run.
import { parseArgs } from "node:util";
import { API_KEY } from "../scripted/test-coordinator.js";
import { SpawnedHearth } from "../system/spawned-hearth.js";
import { Balancer } from "./balancer.js";

const { values } = parseArgs({
  options: {
    agents: { type: "string", default: "4" },
    seconds: { type: "string", default: "60" },
    consumers: { type: "string", default: "6" },
    kill: { type: "boolean", default: false },
  },
});

const NODES = 3;
/** Of what they run on, where nothing is said of another. */
const DATABASE_URL = process.env["DATABASE_URL"] ?? "postgres://postgres@127.0.0.1:5432/postgres";
const REDIS_URL = process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379";
/** After so long, with --kill, a coordinator is killed; after as long again it comes back, ms. */
const KILL_MS = 15_000;

const env = {
  DATABASE_URL,
  HEARTH_DATABASE_SCHEMA: "hearth_demo",
  REDIS_URL,
  HEARTH_REDIS_PREFIX: "hearth-demo:",
  HEARTH_NODE_ADDRESS: "ws://127.0.0.1:0",
  HEARTH_CLUSTER_SECRET: "nobody-but-this-demo-knows-this-secret",
  HEARTH_LOG_LEVEL: "info",
};

const tally = { answered: 0, failed: 0 };
const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));
const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** Asks again and again. */
async function consume(url: string, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const isWhole = await ask(url).catch(() => false);
    if (!isOver()) tally[isWhole ? "answered" : "failed"] += 1;
    if (!isWhole) await pause(100);
  }
}

/** @returns whether a whole answer came */
async function ask(url: string): Promise<boolean> {
  const messages = [{ role: "user", content: "Say something." }];
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { Authorization: `Bearer ${API_KEY}`, "Content-Type": "application/json", Connection: "close" },
    body: JSON.stringify({ model: "pico", stream: true, max_tokens: 24, messages }),
  });
  const text = await response.text();
  return response.ok && text.includes("[DONE]") && !text.includes('"error"');
}

interface Row {
  readonly health: string;
  readonly own: number;
  readonly all: number;
  readonly running: number;
}

async function rowOf(node: SpawnedHearth): Promise<Row | undefined> {
  try {
    const signal = AbortSignal.timeout(1_000);
    const health = (await (await fetch(`${node.url}/health`, { signal })).json()) as {
      readonly status: string;
      readonly providers: number;
      readonly in_flight: number;
    };
    const own = await node.metric("hearth_providers_connected");
    return { health: health.status, own, all: health.providers, running: health.in_flight };
  } catch {
    return undefined;
  }
}

async function table(nodes: readonly SpawnedHearth[]): Promise<string> {
  const rows = await Promise.all(nodes.map(rowOf));
  const lines = rows.map((row, index) =>
    row === undefined
      ? `node ${index}   gone`
      : `node ${index}   ${row.health.padEnd(10)} machines ${row.own} of ${row.all}   requests ${row.running}`,
  );
  return [...lines, `answered ${tally.answered}   failed ${tally.failed}`, ""].join("\n");
}

async function run(): Promise<void> {
  const [agents, seconds, consumers] = [values.agents, values.seconds, values.consumers].map(Number);
  const nodes: SpawnedHearth[] = [];
  let isOver = false;
  let balancer: Balancer | undefined;
  const stop = (): void => {
    isOver = true;
  };
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  try {
    for (let index = 0; index < NODES; index++) nodes.push(await SpawnedHearth.start(env));
    balancer = await Balancer.start(() => nodes.map(({ url }) => Number(new URL(url).port)));
    say(`three coordinators behind ${balancer.url}, key ${API_KEY}`);
    for (let index = 0; index < (agents ?? 0); index++) {
      await nodes[index % NODES]?.agent({ name: `agent-${index}` });
      say(`agent ${index} is connected to node ${index % NODES}`);
    }
    const { url } = balancer;
    const consuming = Array.from({ length: consumers ?? 0 }, () => consume(url, () => isOver));
    if (values.kill) void killAndRestart(nodes[1] as SpawnedHearth, () => isOver);
    for (let second = 0; second < (seconds ?? 0) && !isOver; second++) {
      await pause(1_000);
      say(await table(nodes));
    }
    isOver = true;
    await Promise.all(consuming);
  } finally {
    balancer?.close();
    for (const node of nodes) await node[Symbol.asyncDispose]();
  }
}

async function killAndRestart(node: SpawnedHearth, isOver: () => boolean): Promise<void> {
  await pause(KILL_MS);
  if (isOver()) return;
  say("node 1 is killed");
  await node.coordinator.kill();
  await pause(KILL_MS);
  if (isOver()) return;
  await node.startCoordinator();
  say("node 1 is back");
}

await run();
