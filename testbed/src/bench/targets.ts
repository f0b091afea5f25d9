import { fileURLToPath } from "node:url";
import { type Hearth, type HearthFlags, startHearth } from "./hearth.js";
import type { Endpoint } from "./job.js";
import { peerOf } from "./peer.js";
import type { Process, Processes, Program } from "./spawn.js";

/** What is measured, in the order in which each round visits it. */
export const TARGETS = ["direct", "plain", "sealed", "hearth", "peer"] as const;

/** The stub itself, the two floors, Hearth, and another gateway that runs here already. */
export type TargetName = (typeof TARGETS)[number];

/** What is measured unless something else is asked for: a peer only where `PEER_URL` says that there is one. */
export function usualTargets(env: NodeJS.ProcessEnv): readonly TargetName[] {
  return TARGETS.filter((name) => name !== "peer" || peerOf(env) !== undefined);
}

/** A running target. */
export interface Target {
  readonly name: TargetName;
  /** Where consumers send their requests. */
  readonly port: number;
  /** The process under test; `direct` has none. */
  readonly front?: Process;
  /** Its counterpart beside the upstream. */
  readonly back?: Process;
  /** Where it takes requests; absent = as OpenAI's. */
  readonly endpoint?: Endpoint;
}

/** What the targets have in common. */
export interface TargetSettings {
  readonly names: readonly TargetName[];
  readonly apiKey: string;
  readonly hearthFlags?: HearthFlags;
}

/** Starts the stub and the wanted targets. All of them stay up for the whole run, so that rounds can take turns. */
export async function startTargets(processes: Processes, settings: TargetSettings): Promise<Target[]> {
  const stubPort = await startStub(processes);
  const targets: Target[] = [];
  for (const name of settings.names) {
    targets.push(await STARTERS[name](processes, stubPort, settings));
  }
  return targets;
}

/** Starts the upstream of all targets. @returns its port */
export function startStub(processes: Processes): Promise<number> {
  return portOf(processes.start(roleProgram("stub", "rest")));
}

type Starter = (processes: Processes, stubPort: number, settings: TargetSettings) => Promise<Target>;

const STARTERS: Readonly<Record<TargetName, Starter>> = {
  direct: async (_processes, port) => ({ name: "direct", port }),
  plain: async (processes, stubPort) => {
    const front = processes.start(roleProgram("plain", "front", stubPort));
    return { name: "plain", port: await portOf(front), front };
  },
  sealed: async (processes, stubPort) => {
    const front = processes.start(roleProgram("sealed-front", "front"));
    const port = await portOf(front);
    const back = processes.start(roleProgram("sealed-back", "rest", port, stubPort));
    await portOf(back);
    return { name: "sealed", port, front, back };
  },
  hearth: async (processes, stubPort, { apiKey, hearthFlags = {} }) => {
    return hearthTarget(await startHearth(processes, { stubPort, apiKey, flags: hearthFlags }));
  },
  peer: async (_processes, stubPort) => {
    const peer = peerOf(process.env);
    if (peer === undefined) throw new Error("PEER_URL says where the peer is: see --help");
    return { name: "peer", ...peer.target(`http://127.0.0.1:${stubPort}/v1`) };
  },
};

/** Hearth, as something to measure. */
export function hearthTarget({ port, coordinator, agent }: Hearth): Target {
  return { name: "hearth", port, front: coordinator, back: agent };
}

function roleProgram(role: string, place: Program["place"], ...ports: number[]): Program {
  const script = fileURLToPath(new URL("role.js", import.meta.url));
  return { name: role, place, arguments: [script, role, ...ports.map(String)] };
}

async function portOf(started: Process): Promise<number> {
  const [, port] = await started.line(/^ready (\d+)$/);
  return Number(port);
}
