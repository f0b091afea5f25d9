/** Below this size a token takes less time than waking a second thread. */
const TINY_MODEL_BYTES = 64 * 1024 * 1024;
/** Beyond this many threads decoding is bound by memory. */
const MAX_THREADS = 16;

/**
 * How many threads compute, if nobody says. Threads of llama.cpp wait for each other by spinning, so one that shares
 * its core with another program slows all of them down a hundredfold: one core is left to everybody else.
 */
export function defaultThreads(machine: { readonly modelBytes: number; readonly cores: number }): number {
  if (machine.modelBytes < TINY_MODEL_BYTES) return 1;
  return Math.min(Math.max(1, machine.cores - 1), MAX_THREADS);
}
