import { get } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { pinSelf } from "./cores.js";
import { cpuMicros } from "./cpu.js";
import { ADMIN_KEY } from "./hearth.js";
import { pacedJob } from "./job.js";
import { openConnections } from "./loader.js";
import { API_KEY, type Bench } from "./run.js";
import { median } from "./statistics.js";
import { markdownTable } from "./table.js";
import { startTargets } from "./targets.js";

/** Streams that run while somebody watches, and what each brings. */
const STREAMS = 200;
const CHUNKS_A_SECOND = 40;
/** Windows of each kind; they take turns, so that what the machine does meanwhile hits both alike. */
const FULL = { windows: 5, windowMs: 15_000 };
const QUICK = { windows: 2, windowMs: 3_000 };
/** Until all streams run evenly, ms. */
const SETTLE_MS = 2_000;

/** What the page's overview and fleet ask for by themselves, and a Prometheus every 15 s, ms. */
const ASKED = [
  { path: "/admin/breaker", everyMs: 5_000 },
  { path: "/admin/queue", everyMs: 5_000 },
  { path: "/admin/providers", everyMs: 10_000 },
  { path: "/metrics", everyMs: 15_000 },
] as const;

/**
 * What it costs the coordinator that an operator has the page open and metrics are collected, while 200 streams run.
 *
 * @returns a table, as Markdown
 * @throws Error when a program does not start, or a stream is broken
 */
export async function benchWatching(
  { cores, processes, progress }: Pick<Bench, "cores" | "processes" | "progress">,
  quick: boolean,
): Promise<string> {
  const { windows, windowMs } = quick ? QUICK : FULL;
  pinSelf(cores);
  progress("starting");
  const [target] = await startTargets(processes, { names: ["hearth"], apiKey: API_KEY });
  if (target?.front === undefined) throw new Error("nothing was started");
  const { pid } = target.front;
  const seconds = (SETTLE_MS + 2 * windows * (windowMs + 500)) / 1_000;
  const job = pacedJob({ chunks: Math.ceil(seconds * CHUNKS_A_SECOND), perSecond: CHUNKS_A_SECOND }, API_KEY);
  const connections = await openConnections(target.port, STREAMS);
  const streams = Promise.all(connections.map((connection) => connection.exchange(job)));
  await pause(SETTLE_MS);
  const alone: number[] = [];
  const watched: number[] = [];
  for (let window = 0; window < windows; window++) {
    progress(`window ${window + 1} of ${windows}`);
    alone.push(await shareOf(pid, windowMs));
    using _watcher = watch(target.port);
    watched.push(await shareOf(pid, windowMs));
  }
  const problems = (await streams).flatMap(({ problem }) => problem ?? []);
  if (problems.length > 0) throw new Error(`${problems.length} streams were broken: ${problems[0]}`);
  await processes.stopAll();
  return report(median(alone), median(watched), windows);
}

/** CPU of a process over a time, as a share of one core. */
async function shareOf(pid: number, windowMs: number): Promise<number> {
  const [before, startedAt] = [cpuMicros(pid), performance.now()];
  await pause(windowMs);
  return (cpuMicros(pid) - before) / 1_000 / (performance.now() - startedAt);
}

/** Somebody with the page open, and a Prometheus. */
function watch(port: number): Disposable {
  const ending = new AbortController();
  const ask = (path: string): void => {
    const headers = { authorization: `Bearer ${ADMIN_KEY}` };
    get({ host: "127.0.0.1", port, path, headers, signal: ending.signal }, (answer) => {
      if (answer.statusCode !== 200) throw new Error(`${path} was answered with ${answer.statusCode}`);
      answer.on("error", () => {}).resume();
    }).on("error", () => {});
  };
  ask("/admin/live");
  const timers = ASKED.map(({ path, everyMs }) => {
    ask(path);
    return setInterval(() => ask(path), everyMs);
  });
  return {
    [Symbol.dispose]() {
      ending.abort();
      for (const timer of timers) clearInterval(timer);
    },
  };
}

function report(alone: number, watched: number, windows: number): string {
  const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;
  const table = markdownTable(
    ["", "CPU of the coordinator, of one core"],
    [
      [`${STREAMS} streams of ${CHUNKS_A_SECOND} chunks/s`, percent(alone)],
      ["… with the page open and metrics collected", percent(watched)],
      ["the difference", percent(watched - alone)],
    ],
  );
  return `${table}\n\nMedians of ${windows} windows each, in turns. The difference is ${percent((watched - alone) / alone)} of what the streams take.`;
}
