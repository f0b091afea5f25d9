import { type CallFrame, moduleOf, nameOf } from "./call-frame.js";

/** The part of V8's .cpuprofile format (Chrome DevTools protocol, `Profiler.Profile`) that is read here. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  /** µs of the machine's monotonic clock. */
  readonly startTime: number;
  /** The node on top of the stack at each sample. */
  readonly samples: readonly number[];
  /** µs between the samples. */
  readonly timeDeltas: readonly number[];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: CallFrame;
  readonly children?: readonly number[];
}

/** Shares of the time in which the process did something, largest first. */
export interface ProfileSummary {
  /** Time with the function itself on top of the stack. */
  readonly self: readonly Share[];
  /** Time with the function anywhere on the stack. */
  readonly inclusive: readonly Share[];
  /** `self`, by file or package. */
  readonly modules: readonly Share[];
}

export interface Share {
  readonly name: string;
  /** 0 to 1. */
  readonly share: number;
}

const IDLE = new Set(["(idle)"]);

/** Sums up the samples between two moments of the machine's clock, µs. */
export function summarise(profile: CpuProfile, fromMicros: number, toMicros: number): ProfileSummary {
  const stacks = new Stacks(profile.nodes);
  const self = new Map<string, number>();
  const inclusive = new Map<string, number>();
  const modules = new Map<string, number>();
  let busy = 0;
  let now = profile.startTime;
  for (const [index, id] of profile.samples.entries()) {
    const delta = profile.timeDeltas[index] ?? 0;
    now += delta;
    const stack = stacks.of(id);
    if (now < fromMicros || now > toMicros || IDLE.has(stack.name)) continue;
    busy += delta;
    add(self, stack.name, delta);
    add(modules, stack.module, delta);
    for (const name of stack.names) add(inclusive, name, delta);
  }
  return { self: shares(self, busy), inclusive: shares(inclusive, busy), modules: shares(modules, busy) };
}

interface Stack {
  readonly name: string;
  readonly module: string;
  /** Every function on the stack once, however often it calls itself. */
  readonly names: ReadonlySet<string>;
}

class Stacks {
  readonly #nodes: ReadonlyMap<number, ProfileNode>;
  readonly #parents = new Map<number, number>();
  readonly #found = new Map<number, Stack>();

  constructor(nodes: readonly ProfileNode[]) {
    this.#nodes = new Map(nodes.map((node) => [node.id, node]));
    for (const node of nodes) for (const child of node.children ?? []) this.#parents.set(child, node.id);
  }

  of(id: number): Stack {
    let stack = this.#found.get(id);
    if (stack === undefined) {
      const node = this.#nodes.get(id) as ProfileNode;
      const parent = this.#parents.get(id);
      const name = nameOf(node.callFrame);
      const names = new Set(parent === undefined ? [] : this.of(parent).names).add(name);
      stack = { name, module: moduleOf(node.callFrame), names };
      this.#found.set(id, stack);
    }
    return stack;
  }
}

function add(totals: Map<string, number>, name: string, value: number): void {
  totals.set(name, (totals.get(name) ?? 0) + value);
}

/** Sums as shares of the whole, largest first. */
export function shares(totals: ReadonlyMap<string, number>, whole: number): readonly Share[] {
  return [...totals].map(([name, value]) => ({ name, share: value / whole })).sort((a, b) => b.share - a.share);
}
