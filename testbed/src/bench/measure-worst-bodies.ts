import { request } from "node:http";
import { ScriptedProvider } from "../scripted/scripted-provider.js";
import { pinSelf } from "./cores.js";
import { freePort } from "./free-port.js";
import { PROVIDER_TOKEN } from "./hearth.js";
import { API_KEY, type Bench } from "./run.js";
import { figure, markdownTable } from "./table.js";
import { startTargets } from "./targets.js";
import { WORST_BODIES, WORST_MODEL, type WorstBody } from "./worst-bodies.js";

/** No body may hold everybody else up for longer, ms. */
const LIMIT_MS = 100;
/** Times that each body is sent; the shortest hold counts, as other programs can only add to it. */
const ROUNDS = 3;

interface Sample {
  readonly status: number;
  readonly heldMs: number;
  readonly cpuMs: number;
}

/** Sends each of the worst bodies, and says as Markdown how long each held the coordinator's event loop. */
export async function benchWorstBodies({
  processes,
  cores,
  progress,
}: Pick<Bench, "processes" | "cores" | "progress">): Promise<string> {
  pinSelf(cores);
  const watchPort = await freePort();
  const watch = new URL(`./loop-watch.js?port=${watchPort}`, import.meta.url);
  progress("starting");
  const hearthFlags = { coordinator: ["--import", watch.href] };
  const [hearth] = await startTargets(processes, { names: ["hearth"], apiKey: API_KEY, hearthFlags });
  if (hearth === undefined) throw new Error("Hearth did not start");
  await ScriptedProvider.connect({
    url: `ws://127.0.0.1:${hearth.port}/ws/provider`,
    token: PROVIDER_TOKEN,
    script: (stream) => stream.answer("ok"),
    models: [{ id: WORST_MODEL, context_length: 100_000_000, capabilities: { tools: true, vision: true } }],
    slots: [{ model: WORST_MODEL, state: "idle", running: 0, queued: 0, max_concurrency: 8 }],
  });
  const rows: string[][] = [];
  for (const worst of WORST_BODIES) {
    progress(worst.name);
    const body = Buffer.from(worst.body());
    const samples: Sample[] = [];
    for (let round = 0; round < ROUNDS; round += 1) samples.push(await measure(hearth.port, watchPort, worst, body));
    rows.push(rowOf(worst, body.length, samples));
  }
  return markdownTable(["body", "MB", "status", "held ms", `≤ ${LIMIT_MS}`, "CPU ms"], rows);
}

function rowOf(worst: WorstBody, bytes: number, samples: readonly Sample[]): string[] {
  const held = Math.min(...samples.map(({ heldMs }) => heldMs));
  const cpu = Math.min(...samples.map(({ cpuMs }) => cpuMs));
  const statuses = [...new Set(samples.map(({ status }) => status))].join(" ");
  const verdict = held <= LIMIT_MS ? "yes" : "NO";
  const isRight = statuses === String(worst.status);
  return [
    worst.name,
    figure(bytes / 1e6, 1),
    isRight ? statuses : `${statuses}!`,
    figure(held, 0),
    verdict,
    figure(cpu, 0),
  ];
}

async function measure(port: number, watchPort: number, { path }: WorstBody, body: Buffer): Promise<Sample> {
  await send({ port: watchPort, path: "/" });
  const { status } = await send({ port, path, body });
  const { text } = await send({ port: watchPort, path: "/" });
  const { heldMs, cpuMs } = JSON.parse(text) as Omit<Sample, "status">;
  return { status, heldMs, cpuMs };
}

interface Message {
  readonly port: number;
  readonly path: string;
  readonly body?: Buffer;
}

function send({ port, path, body }: Message): Promise<{ readonly status: number; readonly text: string }> {
  const headers = {
    authorization: `Bearer ${API_KEY}`,
    ...(body === undefined ? {} : { "content-length": body.length }),
  };
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port, path, method: body ? "POST" : "GET", headers, agent: false });
    asked.on("error", reject).on("response", (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (more: string) => {
        text += more;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text })).on("error", reject);
    });
    asked.end(body);
  });
}
