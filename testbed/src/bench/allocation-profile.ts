import { type CallFrame, moduleOf, nameOf } from "./call-frame.js";
import { type Share, shares } from "./cpu-profile.js";

/** The part of V8's sampling heap profile (Chrome DevTools protocol, `HeapProfiler.SamplingHeapProfile`) that is read here. */
export interface AllocationNode {
  readonly callFrame: CallFrame;
  /** Bytes allocated by the function itself. */
  readonly selfSize: number;
  readonly children: readonly AllocationNode[];
}

/** What a program has allocated between two signals, and what collecting it took. */
export interface AllocationRecord {
  readonly head: AllocationNode;
  /** Collections of the young generation, and the main thread's time in all collections, ms. */
  readonly scavenges: number;
  readonly collectingMs: number;
}

/** Who has allocated: shares of all bytes, largest first. */
export interface AllocationSummary {
  readonly bytes: number;
  /** By the function itself. */
  readonly self: readonly Share[];
  /** By it and all that it calls. */
  readonly inclusive: readonly Share[];
  /** `self`, by file or package. */
  readonly modules: readonly Share[];
}

export function summariseAllocations(head: AllocationNode): AllocationSummary {
  const self = new Map<string, number>();
  const inclusive = new Map<string, number>();
  const modules = new Map<string, number>();
  const add = (sums: Map<string, number>, name: string, bytes: number): void =>
    void sums.set(name, (sums.get(name) ?? 0) + bytes);
  let bytes = 0;
  const walk = ({ callFrame, selfSize, children }: AllocationNode, above: ReadonlySet<string>): void => {
    const name = nameOf(callFrame);
    const stack = new Set(above).add(name);
    bytes += selfSize;
    add(self, name, selfSize);
    add(modules, moduleOf(callFrame), selfSize);
    // A function counts once, however often it calls itself.
    for (const each of stack) add(inclusive, each, selfSize);
    for (const child of children) walk(child, stack);
  };
  walk(head, new Set());
  return { bytes, self: shares(self, bytes), inclusive: shares(inclusive, bytes), modules: shares(modules, bytes) };
}
