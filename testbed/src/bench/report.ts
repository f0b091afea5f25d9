import type { LoadSample } from "./measure-load.js";
import { scenarioName } from "./plan.js";
import { medianSample, type Results } from "./results.js";
import { figure, markdownTable } from "./table.js";
import type { TargetName } from "./targets.js";
import { judge } from "./verdict.js";

const MIB = 1024 * 1024;

/** The whole run as Markdown. */
export function report(results: Results): string {
  return [
    "# Hearth benchmark",
    settingText(results),
    "## Closed loop",
    loadTable(results),
    "## Paced streams",
    pacedTable(results),
    "## Memory",
    memoryTable(results),
    "## Aims",
    judge(results)
      .map(({ state, text }) => `- **${state}**: ${text}`)
      .join("\n"),
  ].join("\n\n");
}

function settingText({ setting, plan, scenarios }: Results): string {
  const pinned =
    setting.pinned === null
      ? "Nothing is pinned: figures of processes that share cores disturb each other."
      : `Front processes on core ${setting.pinned.front}; stub, back processes, agent and loader on core ${setting.pinned.rest}.`;
  return [
    `${plan.mode === "quick" ? "Quick run, for a look only. " : ""}${setting.startedAt}, node ${setting.node}, ${setting.platform}, ${setting.cores} × ${setting.cpu}. ${pinned}`,
    `Medians of ${plan.rounds} rounds that visit the targets in turn; ratios are of medians of this run.`,
    "- direct: the stub itself, no think time: 20 chunks written at once, or a plain answer.",
    "- plain: a bare node:http proxy. sealed: HTTP → WebSocket → HTTP in two processes, each chunk sealed by itself.",
    "- hearth: coordinator and agent. Hearth always asks the backend for a stream: its non-stream figures are the stub's stream, folded by the agent, where the other targets relay the stub's plain answer.",
    ...(scenarios.some(({ rounds }) => rounds.has("peer"))
      ? ["- peer: another gateway, at PEER_URL, in front of the same stub."]
      : []),
    `- instructions: of the programs themselves, without the kernel's, in thousands; ${instructionsText(scenarios)}.`,
    "- front CPU: user and system time of the process consumers connect to, from /proc/PID/stat (counted in ticks of 10 ms).",
  ].join("\n");
}

function instructionsText(scenarios: Results["scenarios"]): string {
  const counted = scenarios.some(({ rounds }) => [...rounds.values()].flat().some(hasInstructions));
  return counted ? "counted by perf" : "not available on this machine, as `perf stat -e instructions:u` counts none";
}

const hasInstructions = ({ frontInstructions }: LoadSample): boolean => frontInstructions !== undefined;

function loadTable({ scenarios }: Results): string {
  const header = [
    "concurrency, target",
    "req/s",
    "p50 ms",
    "p99 ms",
    "first content p50 ms",
    "p99 ms",
    "front CPU µs/req",
    "× plain",
    "× sealed",
    "back CPU µs/req",
    "front kinstr/req",
    "back kinstr/req",
    "front RSS MiB",
  ];
  const rows = scenarios.flatMap(({ scenario, rounds }) => {
    const cpuOf = (name: TargetName): number | undefined => {
      const samples = rounds.get(name);
      return samples === undefined ? undefined : medianSample(samples).frontCpuMicros;
    };
    return [...rounds].map(([name, samples]) => {
      const sample = medianSample(samples);
      return [
        `${scenarioName(scenario)}, ${name}`,
        figure(sample.requestsPerSecond, 0),
        figure(sample.latencyP50Ms, 2),
        figure(sample.latencyP99Ms, 2),
        figure(sample.firstContentP50Ms, 2),
        figure(sample.firstContentP99Ms, 2),
        figure(sample.frontCpuMicros, 0),
        figure(ratio(sample.frontCpuMicros, cpuOf("plain")), 2),
        figure(ratio(sample.frontCpuMicros, cpuOf("sealed")), 2),
        figure(sample.backCpuMicros, 0),
        figure(ratio(sample.frontInstructions, 1_000), 0),
        figure(ratio(sample.backInstructions, 1_000), 0),
        figure(ratio(sample.frontRssBytes, MIB), 0),
      ];
    });
  });
  return markdownTable(header, rows);
}

function pacedTable({ paced, plan }: Results): string {
  const rows = paced.flatMap(({ perSecond, samples }) => {
    const direct = samples.get("direct");
    const sealed = samples.get("sealed")?.frontCpuMicros;
    return [...samples].map(([name, sample]) => [
      `× ${perSecond} chunks/s, ${name}`,
      figure((sample.chunks * 1000) / plan.paced.windowMs, 0),
      figure(sample.delayP50Ms, 2),
      figure(sample.delayP99Ms, 2),
      figure(direct && sample.delayP50Ms - direct.delayP50Ms, 2),
      figure(direct && sample.delayP99Ms - direct.delayP99Ms, 2),
      figure(sample.frontCpuMicros, 1),
      figure(ratio(sample.frontCpuMicros, sealed), 2),
    ]);
  });
  const header = [
    `${plan.paced.streams} streams`,
    "chunks/s",
    "delay p50 ms",
    "p99 ms",
    "added p50 ms",
    "added p99 ms",
    "front CPU µs/chunk",
    "× sealed",
  ];
  return markdownTable(header, rows);
}

function memoryTable({ memory }: Results): string {
  const rows = [...memory].map(([name, { requests, points, slopeBytes, growth }]) => [
    name,
    String(requests),
    ...[0, points.length >> 1, points.length - 1].map((index) => figure(ratio(points[index]?.y, MIB), 1)),
    figure(slopeBytes, 0),
    figure(growth, 2),
  ]);
  return markdownTable(
    ["front RSS", "requests", "first MiB", "half way MiB", "last MiB", "bytes/request, 2nd half", "last ÷ 2nd fifth"],
    rows,
  );
}

function ratio(value: number | undefined, base: number | undefined): number | undefined {
  return value === undefined || base === undefined ? undefined : value / base;
}
