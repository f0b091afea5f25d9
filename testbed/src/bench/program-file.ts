import { fileURLToPath } from "node:url";

/** A program of Hearth that is measured. */
export type ProgramName = "coordinator" | "provider-agent";

/** The name of an agent that is measured, by which it keeps its identity. */
export const BENCH_AGENT = "bench";

/** A file of a program as it is built, by its path below `dist`. */
export function programFile(program: ProgramName, path: string): string {
  return fileURLToPath(new URL(`../../../${program}/dist/${path}`, import.meta.url));
}
