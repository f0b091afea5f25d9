import { GATES, type Gate, type HeartbeatAckFrame } from "@hearth/protocol";

/** What became of a machine in selection: how often it was chosen, lost to another, or was stopped, by gate. */
export type Work = Pick<HeartbeatAckFrame, "picked" | "lost" | "rejected">;

const PART_MS = 5 * 60_000;
/** The hour is told in parts: the oldest goes as a whole. */
const PARTS = 12;

interface Part {
  at: number;
  picked: number;
  lost: number;
  /** Made when something was: most parts of an idle machine have none. */
  rejected: Map<Gate, number> | undefined;
}

/** Whether nothing has become of it: so it is with most heartbeats of idle machines. */
export function isIdle({ picked, lost, rejected }: Work): boolean {
  if (picked > 0 || lost > 0) return false;
  for (const _gate in rejected) return false;
  return true;
}

/** The same over the last hour, as its heartbeats were answered. */
export class WorkHistory {
  readonly #parts: Part[] = [];

  /** @param now ms on the coordinator's clock */
  add({ picked, lost, rejected }: Work, now: number): void {
    const part = this.#part(Math.floor(now / PART_MS));
    part.picked += picked;
    part.lost += lost;
    for (const gate of GATES) {
      const count = rejected[gate];
      if (count === undefined) continue;
      part.rejected ??= new Map();
      part.rejected.set(gate, (part.rejected.get(gate) ?? 0) + count);
    }
  }

  lastHour(now: number): Work {
    const recent = this.#parts.filter(({ at }) => at > Math.floor(now / PART_MS) - PARTS);
    const rejected: { [gate in Gate]?: number } = {};
    for (const part of recent) {
      for (const [gate, count] of part.rejected ?? []) rejected[gate] = (rejected[gate] ?? 0) + count;
    }
    return {
      picked: recent.reduce((sum, part) => sum + part.picked, 0),
      lost: recent.reduce((sum, part) => sum + part.lost, 0),
      rejected,
    };
  }

  #part(at: number): Part {
    const last = this.#parts.at(-1);
    if (last?.at === at) return last;
    const part: Part = { at, picked: 0, lost: 0, rejected: undefined };
    this.#parts.push(part);
    if (this.#parts.length > PARTS) this.#parts.shift();
    return part;
  }
}
